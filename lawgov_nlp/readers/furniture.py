"""Recognise lines that a web page adds around an article: labels, counters, addresses, buttons, the path to the page.

The html reader drops these lines. `structure` marks them in texts that were copied from a page.
"""

from __future__ import annotations

import re

_ENTRIES = (  # entries of the table above an article
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
    # None of these consists of two others; otherwise a line of a hundred would be tried in every combination.
    r"打印|关闭|收藏|分享|微信|微博|QQ空间|字体|字号|返回|顶部|首页|本页|本文|窗口|设为|加入|纠错|听全文|语音播报"
    r"|[大中小]|A|点赞|在看|登录|注册"
)
# A line with a full stop is never such a line: 全年开展“扫一扫”答题，浏览次数1.2万次。 belongs to the report.
_FURNITURE = re.compile(
    rf"(?!.*[。；])[\W_]*(({_ENTRIES})\s*[】\])）]?\s*[:：\t]|({_LABELS})\s*[】\])）]?\s*[:：]"
    r"|(日\s*期|时\s*间)\s*[:：]\s*\d{4}[-/年]|今天是\s*\d{4}"
    r"|地\s*址\s*[:：].*(邮\s*编|电\s*话|传\s*真)|建议使用.{0,40}(浏览|分辨率)|.{0,12}最佳(浏览|分辨率)"
    rf"|(({_BUTTONS})[\W_]*)+$"
    r"|\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\s+\d{1,2}:\d{2}(:\d{2})?\W*$"
    r"|.*(扫一扫|扫描二维码|版权所有|ICP备|网站标识码|公网安备|浏览次数\s*[:：]|【打印】|无障碍阅读|网站地图"
    r"|(?i:copyright|all rights reserved)))"
)
_FURNITURE_CHARS = 120
_PATH = re.compile(
    r"[\W_]*(((您|你)?(现在|当前|目前)?所?在?的?位\s*置(是)?|当前页面|路径)\s*[:：]|(网站)?首\s*页\s*[>＞»›→/|\\-]+)"
)
_PAGER = re.compile(r"下一?页|末页|尾页|共\s{0,3}\d{1,3}\s{0,3}页")
_PAGER_WORDS = re.compile(r"上一?页|下一?页|首页|尾页|末页|余下全文|共\s{0,3}\d{1,3}\s{0,3}页|第|页|[\W\d_]+")
_SINGLE = re.compile(r"共\s{0,3}1\s{0,3}页")


def is_furniture(line: str) -> bool:
    """Whether a line belongs to the page and not to the article."""
    line = line.strip()
    return len(line) <= _FURNITURE_CHARS and _FURNITURE.match(line) is not None


def is_path(line: str) -> bool:
    """Whether a line is the path to the page (您所在的位置：首页 > 政务公开). Above it is the site."""
    line = line.strip()
    return len(line) <= _FURNITURE_CHARS and "。" not in line and _PATH.match(line) is not None


def is_pager(line: str) -> bool:
    """Whether a line links to the other pages of an article (1 2 下一页)."""
    line = line.strip()
    if len(line) > 60 or not _PAGER.search(line) or _SINGLE.search(line):
        return False
    return not _PAGER_WORDS.sub("", line)
