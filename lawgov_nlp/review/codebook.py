"""The rules of the codebook for the page, a few lines for each label. `data/CODEBOOK.md` has the full rules."""

from __future__ import annotations

from lawgov_nlp.scheme import CODEBOOK, NONE, Scheme

_RULES: dict[str, tuple[str, str]] = {
    "leadership": (
        "谁来抓、谁负责、有多少人和钱；如何决策；人大、纪检、社会的监督。"
        "成立普法领导小组、普法经费等“组织某项工作”也属此类，该项工作为次要标签（须有自成一句）。"
        "为决策服务的法律顾问属此类。",
        "Who leads the work and answers for it, with what people and money; how decisions are taken; "
        "oversight by people's "
        "congress, discipline inspection and the public. Organising a topic belongs here; the topic is "
        "secondary where a "
        "sentence is its own. Legal advisers for decisions belong here.",
    ),
    "training": (
        "领导干部、机关干部、执法人员学法、受训、考试。看对象：对干部的是学法培训，对群众、学生、企业的是普法宣传。",
        "Officials, cadres and enforcement officers learn law, are trained or examined. The audience "
        "decides: residents, "
        "pupils and firms are publicity.",
    ),
    "mediation": (
        "预防、受理、化解纠纷与信访；法律服务；网格与群众自治。"
        "为村民服务的法律顾问、法律明白人的人数、调解员的培训属此类。",
        "Disputes and petitions are prevented, received, settled; legal services, grid work and "
        "self-government among "
        "residents. Legal advisers for villagers, headcounts of 法律明白人 and the training of mediators "
        "belong here.",
    ),
    "enforcement": (
        "依法用权、公开、受约束：执法、许可、政务服务、公开、文件与合同审查、复议诉讼、应急与安全。"
        "未说明用途的法律顾问属此类。",
        "Power is used, opened and bound by law: enforcement, licences, services, openness, review of documents and "
        "contracts, reconsideration and lawsuits, emergencies and safety. Legal advisers with no purpose "
        "named belong here.",
    ),
    "publicity": (
        "让群众、学生、企业知法：宣传活动、法治文化阵地、进社区进校园等。",
        "Law is made known to residents, pupils and firms.",
    ),
    "shortcomings": (
        "存在的问题及原因。功能先于主题：不论讲的是什么，问题归此类，主题作次要标签。由所在章节决定；"
        "正文里的“破解难题”不算。本标签不作次要标签。",
        "What is wrong, and why. Function comes before topic: a deficiency is this label whatever it is "
        "about, and the "
        "topic is secondary. The section decides. Never a secondary label.",
    ),
    "plans": (
        "下一步要做的事。功能先于主题：打算归此类，主题作次要标签。由所在章节决定；"
        "已完成工作末尾的一句打算不算。本标签不作次要标签。",
        "What will be done. Function comes before topic: an intention is this label, and the topic is "
        "secondary. The section "
        "decides; one closing sentence of intent doesn't turn work done into a plan. Never a secondary label.",
    ),
    NONE: (
        "开头引言、过渡语、套话。引言没有标签；打算或问题标题下的引入语随标题。",
        "Preamble, transition, formula. A lead-in under a heading of plans or deficiencies has that label.",
    ),
}

_GENERAL = (
    "轻重：多数文字讲什么就标什么；六四开以内看最近的标题，再看先讲的。次要标签："
    "某个完整句子或某条（一是……）的主题。\n"
    "数值：数字连同单位（300余户、1.9万人次）；近、约、超与以上、左右在外。名称：说明数的是什么的最短连续词语；"
    "开展、举办、召开等轻动词去掉，调解、排查、审查等实义动词保留。"
    "日期、文号、序号、热线、固定名称（八五普法）不是指标。",
    "Weight: what most of the text is about; within 60 to 40 what the nearest heading names, then what comes "
    "first. Secondary: "
    "the main topic of a whole sentence or numbered item.\nValue: the numeral with its unit; 近, 约, 超 and "
    "以上, 左右 stay outside. "
    "Name: the shortest contiguous phrase that says what is counted; light verbs go, verbs that are the work "
    "stay. Dates, "
    "document numbers, ordinals, hotlines and fixed names are no indicators.",
)


def rules(scheme: Scheme) -> dict[str, list[str]]:
    """Return the Chinese and the English rule for each label name, and for `none` and `general`.

    A label of the user's own gets the rules of the codebook's labels that it covers, or a note that the codebook has no
    rule for it.
    """
    out = {NONE: [*_RULES[NONE]], "general": [*_GENERAL]}
    for label, sources in zip(scheme, scheme.sources, strict=True):
        found = [_RULES[d.value] for d in sources]
        if found:
            out[label.value] = [" ".join(pair[k] for pair in found) for k in (0, 1)]
        else:
            out[label.value] = [
                "自定标签，随包编码手册没有规则。",
                "A label of your own: the codebook has no rule for it.",
            ]
    return out if scheme is not CODEBOOK else {**out, **{name: [*pair] for name, pair in _RULES.items()}}
