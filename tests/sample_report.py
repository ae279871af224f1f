"""A tagged report of an invented township, built by hand: every dimension, shared names, an unread value."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from lawgov_nlp.report import Line, LineKind
from lawgov_nlp.results.paragraph import Indicator, TaggedParagraph
from lawgov_nlp.results.quantity import Qualifier
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.scheme import DIMENSIONS, Dimension

L, T, M, E, P, S, N = DIMENSIONS
EXACT, AT_LEAST, ABOUT, AT_MOST = Qualifier

# value, name (the one nearest to the value is meant), number, unit, qualifier, dimension
_Quantity = tuple[str, "str | None", "str | None", str, Qualifier, Dimension]
# kind, text, primary and secondary labels, headings, quantities in order
_Line = tuple[str, str, Sequence[Dimension], Sequence[str], Sequence[_Quantity]]

_ONE, _TWO, _THREE = "一、主要举措和成效", "二、存在的不足", "三、下一步工作打算"
_DISPUTES = "（三）多元化解矛盾纠纷。"

LINES: list[_Line] = [
    ("title", "云岫县松石镇人民政府", [], [], []),
    ("title", "关于2023年度法治政府建设情况的报告", [], [], []),
    ("salutation", "县委、县人民政府：", [], [], []),
    (
        "body",
        "2023年，松石镇坚持以习近平法治思想为指导，围绕全县中心工作，统筹辖内11个行政村推进依法治理，各项任务有序落实。现将有关情况报告如下：",
        [],
        [],
        [("11个", "行政村", "11", "个", EXACT, L)],
    ),
    ("heading", _ONE, [], [], []),
    ("heading", "（一）压实法治建设责任", [], [], []),
    (
        "body",
        "镇党委书记、镇长切实履行推进法治建设第一责任人职责，全年召开法治建设专题会议6次，研究解决重点难点问题17个；将法治建设纳入村级年度考核，权重提高到5%。重大行政决策一律听取法律顾问意见，出具合法性审查意见书23份。",
        [L],
        [_ONE, "（一）压实法治建设责任"],
        [
            ("6次", "法治建设专题会议", "6", "次", EXACT, L),
            ("17个", "重点难点问题", "17", "个", EXACT, L),
            ("5%", "权重", "5", "%", EXACT, L),
            ("23份", "合法性审查意见书", "23", "份", EXACT, L),
        ],
    ),
    (
        "body",
        "落实会前学法制度，党委理论学习中心组集体学法8次，组织机关干部旁听庭审2场，38名执法人员参加综合法律知识考试，合格率为97.4%。",
        [T, L],
        [_ONE, "（一）压实法治建设责任"],
        [
            ("8次", "集体学法", "8", "次", EXACT, T),
            ("2场", "旁听庭审", "2", "场", EXACT, T),
            ("38名", "执法人员", "38", "名", EXACT, T),
            ("97.4%", "合格率", "97.4", "%", EXACT, T),
        ],
    ),
    ("heading", "（二）规范行政执法行为", [], [], []),
    (
        "body",
        "严格执行行政执法三项制度，开展联合执法检查近60次，立案查处违法占地案件4起，拆除违法建筑面积1.2万平方米，办理行政处罚案件12件、罚没金额0.86亿元。政务公开栏全年更新信息300余条，审查各类合同45份，未发生行政复议被纠错情形。",
        [E],
        [_ONE, "（二）规范行政执法行为"],
        [
            ("60次", "联合执法检查", "60", "次", ABOUT, E),
            ("4起", "违法占地案件", "4", "起", EXACT, E),
            ("1.2万平方米", "违法建筑面积", "12000", "平方米", EXACT, E),
            ("12件", "行政处罚案件", "12", "件", EXACT, E),
            ("0.86亿元", "罚没金额", "86000000", "元", EXACT, E),
            ("300余条", "信息", "300", "条", AT_LEAST, E),
            ("45份", "审查各类合同", "45", "份", EXACT, E),
        ],
    ),
    (
        "body",
        _DISPUTES
        + "健全“镇村组”三级调解网络，配备专职人民调解员21名，调处各类矛盾纠纷216件、涉及529人，调解成功率达99.1%。"
        "村居法律顾问进村服务132人次，为群众代写法律文书40多份。"
        "在赶集日设点宣讲反诈知识，发放宣传单2000份。",
        [M, P],
        [_ONE, _DISPUTES],
        [
            ("21名", "专职人民调解员", "21", "名", EXACT, M),
            ("216件", "调处各类矛盾纠纷", "216", "件", EXACT, M),
            ("529人", "调处各类矛盾纠纷", "529", "人", EXACT, M),
            ("99.1%", "调解成功率", "99.1", "%", EXACT, M),
            ("132人次", "进村服务", "132", "人次", EXACT, M),
            ("40多份", "代写法律文书", "40", "份", AT_LEAST, M),
            ("2000份", "宣传单", "2000", "份", EXACT, P),
        ],
    ),
    (
        "body",
        "（四）深化法治宣传教育。以“八五”普法规划实施为主线，在宪法宣传周、民法典宣传月期间走访7216户1.9万人次，举办法律进校园活动9场；新建法治文化长廊一处、宣传栏若干。镇中学聘请法治副校长2名，为学生上法治课。",
        [P],
        [_ONE, "（四）深化法治宣传教育。"],
        [
            ("7216户", "走访", "7216", "户", EXACT, P),
            ("1.9万人次", "走访", "19000", "人次", EXACT, P),
            ("9场", "法律进校园活动", "9", "场", EXACT, P),
            ("一处", "法治文化长廊", "1", "处", EXACT, P),
            ("2名", "法治副校长", "2", "名", EXACT, P),
        ],
    ),
    ("artifact", "[bookmark: _GoBack]", [], [], []),
    ("heading", _TWO, [], [], []),
    (
        "body",
        "一是执法力量与任务不相匹配。在岗持证执法人员不足15名，且多为兼职，人均负责两个以上领域，专业能力有待加强。二是普法方式较为单一。偏远村组宣传频次每年三四次，群众参与度不高。",
        [S, E, P],
        [_TWO],
        [
            ("15名", "持证执法人员", "15", "名", AT_MOST, E),
            ("两个", "领域", "2", "个", AT_LEAST, E),
            ("三四次", "宣传频次", None, "次", EXACT, P),
        ],
    ),
    ("body", "造成上述问题的主要原因，是法治人才引进难、留住难，学法的主动性不够强。", [S, L, T], [_TWO], []),
    ("heading", _THREE, [], [], []),
    (
        "body",
        "（一）建强法治队伍。2024年计划新增执法人员5名，每季度至少组织1次业务培训，投入法治建设经费约30万元，推动法治政府建设与乡村振兴深度融合。",
        [N, L, T],
        [_THREE, "（一）建强法治队伍。"],
        [
            ("5名", "执法人员", "5", "名", EXACT, E),
            ("1次", "业务培训", "1", "次", AT_LEAST, T),
            ("30万元", "法治建设经费", "300000", "元", ABOUT, L),
        ],
    ),
    (
        "body",
        "（二）做实基层普法。力争全年培育“法律明白人”60人以上，让尊法学法守法用法在松石蔚然成风。",
        [N, P],
        [_THREE, "（二）做实基层普法。"],
        [("60人", "法律明白人", "60", "人", AT_LEAST, M)],
    ),
    ("signoff", "松石镇人民政府", [], [], []),
    ("signoff", "2024年1月12日", [], [], []),
]


def sample() -> TaggedReport:
    """The whole sample report."""
    return build(
        LINES,
        title="关于2023年度法治政府建设情况的报告",
        issuer="云岫县松石镇人民政府",
        year=2023,
        date="2024-01-12",
        doc_number="松政〔2024〕3号",
        source="报告/松石镇2023.docx",
        model="lawgov-base 0.1",
        warnings=("1 个数值未能读出：三四次",),
    )


def build(lines: Sequence[_Line], **report: object) -> TaggedReport:
    """A tagged report from lines; a blank line stands between every two, so that offsets aren't trivial."""
    text, units, tagged = "", [], []
    for at, (kind, line, labels, headings, quantities) in enumerate(lines):
        start = len(text) + 2 * bool(at)
        text += "\n\n" * bool(at) + line
        place = {"text": line, "start": start, "end": start + len(line), "headings": tuple(headings)}
        units.append(Line(kind=LineKind(kind), **place))
        if kind == "body":
            tagged.append(
                TaggedParagraph(
                    **place,
                    label=labels[0] if labels else None,
                    labels=tuple(labels),
                    scores=_scores(labels),
                    secondary_scores={d: 0.9 if d in labels else 0.05 for d in DIMENSIONS},
                    indicators=tuple(_indicators(line, start, quantities)),
                )
            )
    return TaggedReport(text=text, units=tuple(units), tagged=tuple(tagged), **report)


def _scores(labels: Sequence[Dimension]) -> dict[Dimension, float]:
    primary = labels[0] if labels else None
    return {d: 0.88 if d is primary else 0.01 for d in DIMENSIONS}


def _indicators(line: str, start: int, quantities: Sequence[_Quantity]) -> list[Indicator]:
    made, at = [], 0
    for value, name, number, unit, qualifier, dimension in quantities:
        at = line.index(value, at)
        named: dict[str, object] = {}
        if name is not None:
            places = [i for i in range(len(line)) if line.startswith(name, i)]
            nearest = min(places, key=lambda place: abs(place - at))
            named = {"name": name, "name_start": start + nearest, "name_end": start + nearest + len(name)}
        made.append(
            Indicator(
                text=value,
                start=start + at,
                end=start + at + len(value),
                **named,
                number=None if number is None else Decimal(number),
                unit=unit,
                qualifier=qualifier,
                dimension=dimension,
                score=0.97,
            )
        )
        at += len(value)
    return made
