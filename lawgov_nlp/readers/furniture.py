"""Lines that a web page sets round an article: labels, counters, addresses, buttons, the path to the page.

Shared by the html reader, which drops them, and by the structure, which marks them in texts copied from a page.
"""

from __future__ import annotations

import re

_ENTRIES = (  # of the table above an article
    r"索\s*引\s*号|信息索引号?|主题分类|主\s*题\s*词|发文机关|发布机构|发布单位|公开主体|公开责任部门|信息来源|成文日期|发文日期"
    r"|发布日期|发布时间|生成日期|公开日期|更新时间|更新日期|发文字号|文\s*号|公开方式|公开范围|公开时限|有\s*效\s*性|时\s*效\s*性|废止日期"
    r"|组配分类|信息分类|体裁分类|信息名称|内容概述"
)
_LABELS = (
    r"(文章|稿件|新闻)?来\s*源|作\s*者|责任编辑|编\s*辑|初\s*审|复\s*审|终\s*审|审\s*核|浏览次数|浏览量|阅读次数|阅读量|访问量|点击数|点击次数"
    r"|点击率|阅读数|浏览数|字\s*体(大小)?|字\s*号|分享到?|当前位置|(您)?(现在|当前)?所?在?的?位置|主办(单位)?|承办(单位)?|协办(单位)?|主管(单位)?"
    r"|技术支持|上一[篇条页]|下一[篇条页]|版权|今天是|网站标识码|备案号|邮\s*编"
)
_BUTTONS = (
    # none of them two others in a row, or a line of a hundred would be tried in each way
    r"打印|关闭|收藏|分享|微信|微博|QQ空间|字体|字号|返回|顶部|首页|本页|本文|窗口|设为|加入|纠错|听全文|语音播报"
    r"|[大中小]|A|点赞|在看|登录|注册"
)
# No line with a full stop is one: 全年开展“扫一扫”答题，浏览次数1.2万次。 is a finding of the report.
_FURNITURE = re.compile(
    rf"(?!.*[。；])[\W_]*(({_ENTRIES})\s*[】\])）]?\s*[:：\t]|({_LABELS})\s*[】\])）]?\s*[:：]"
    r"|(日\s*期|时\s*间)\s*[:：]\s*\d{4}[-/年](?!.*，)|今天是\s*\d{4}"
    r"|地\s*址\s*[:：].*(邮\s*编|电\s*话|传\s*真)|建议使用.{0,40}(浏览|分辨率)|.{0,12}最佳(浏览|分辨率)"
    rf"|(({_BUTTONS})[\W_]*)+$"
    r"|\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}日?\s+\d{1,2}:\d{2}(:\d{2})?\W*$"
    r"|.*(扫一扫|扫描二维码|版权所有|ICP备|网站标识码|公网安备|浏览次数\s*[:：]|【打印】|无障碍阅读|网站地图"
    r"|(?i:copyright|all rights reserved)))"
)
_FURNITURE_CHARS = 120
# A line under a page's title that is nothing but when and where it was published and how often it was read, with colons
# or without: 门户网站 发布时间 2024-01-15 浏览量 123, [2024-01-15 09:30] 来源 县司法局.
_WHEN = (
    r"[\[【(（]?\s*(?:(?:19|20)\d\d\s*[-年./]\s*)?\d{1,2}\s*[-月./]\s*\d{1,2}\s*日?"
    r"(?:\s*T?\d{1,2}:\d{2}(?::\d{2})?)?\s*[\]】)）]?"
)
_STAMP = re.compile(
    rf"(?:(?:发布|更新|上传|录入|编辑|发表|公开|生成|成文)?(?:时间|日期)|发布于|发表于|更新于)\s*[:：]?\s*{_WHEN}"
)
_DAY = re.compile(
    r"[\[【(（]?\s*(?:19|20)\d\d\s*[-年./]\s*\d{1,2}\s*[-月./]\s*\d{1,2}\s*日?(?:\s*\d{1,2}:\d{2}(?::\d{2})?)?"
    r"\s*[\]】)）]?"
)
_COUNTER = re.compile(
    r"(?:(?:浏览|阅读|点击|访问)(?:量|数|次数|率)?|人气|热度)\s*[:：]?\s*[\[【(（]?\s*\d{0,7}\s*[次人]?\s*[\]】)）]?\s*[次人]?(?![\w.%])"
)
_ORIGIN = re.compile(
    r"(?:信息|文章|稿件|新闻)?来\s*源\s*[:：]?\s*[^\s:：]{2,24}|(?:作\s*者|编\s*辑|供\s*稿|审\s*核|责任编辑|发布(?:人|者|机构|单位))\s*[:：]\s*[^\s:：]{0,20}"
    r"|\S{0,16}(?:门户网站|政府网站?|官网|网站|中国\S{1,8}网)(?=\s|$)|(?:https?://)?www\.[\w./-]+"
)
_LEFT_OVER = re.compile(rf"(?:{_BUTTONS}|[\W_])*")
_PATH = re.compile(
    r"[\W_]*(((您|你)?(现在|当前|目前)?所?在?的?位\s*置(是)?|当前页面|路径)\s*[:：]|(网站)?首\s*页\s*[>＞»›→/|\\-]+)"
)
_PAGER = re.compile(r"下一?页|末页|尾页|共\s{0,3}\d{1,3}\s{0,3}页")
_PAGER_WORDS = re.compile(r"上一?页|下一?页|首页|尾页|末页|余下全文|共\s{0,3}\d{1,3}\s{0,3}页|第|页|[\W\d_]+")
_SINGLE = re.compile(r"共\s{0,3}1\s{0,3}页")


def is_furniture(line: str) -> bool:
    """Whether a line is a page's own and not the article's."""
    line = line.strip()
    return len(line) <= _FURNITURE_CHARS and (_FURNITURE.match(line) is not None or _is_imprint(line))


def _is_imprint(line: str) -> bool:
    """Whether a line says when a page was published and by whom, or how often it was read, and nothing else.

    A date alone isn't one: it may be the sign-off's. A tab parts cells of a table, whose figures are the report's.
    """
    if "\t" in line or "。" in line or "，" in line:
        return False
    rest, stamps = _STAMP.subn(" ", line)
    rest, counters = _COUNTER.subn(" ", rest)
    rest, days = _DAY.subn(" ", rest)
    rest, origins = _ORIGIN.subn(" ", rest)
    if not (stamps or counters or (days and origins)):
        return False
    return _LEFT_OVER.fullmatch(rest) is not None


def is_path(line: str) -> bool:
    """Whether a line is the path to the page (您所在的位置：首页 > 政务公开): what stands above it is the site's."""
    line = line.strip()
    return len(line) <= _FURNITURE_CHARS and "。" not in line and _PATH.match(line) is not None


def is_pager(line: str) -> bool:
    """Whether a line leads to the further pages of an article (1 2 下一页)."""
    line = line.strip()
    if len(line) > 60 or not _PAGER.search(line) or _SINGLE.search(line):
        return False
    return not _PAGER_WORDS.sub("", line)
