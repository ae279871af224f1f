"""Labels of a user's own: a scheme that has a new label and lacks some of the codebook's, and one that merges them all."""

from __future__ import annotations

import json
from pathlib import Path

from lawgov_nlp.annotation.gold import GoldReport
from lawgov_nlp.annotation.markup import parse_markup
from lawgov_nlp.scheme import Scheme

OWN_LABELS = {
    "labels": [
        {"name": "leadership", "zh": "组织领导", "topic": True},
        {"name": "services", "zh": "法律服务", "from": ["mediation", "publicity"]},
        {"name": "digital", "zh": "数字法治"},
        {"name": "plans", "zh": "工作计划", "topic": False},
    ]
}
OWN = Scheme.from_list(OWN_LABELS["labels"])

MERGED = Scheme.from_list(
    [
        {"name": "leadership", "zh": "组织与学习", "from": ["leadership", "training"]},
        {"name": "services", "zh": "法律服务", "from": ["mediation", "publicity"]},
        {"name": "enforcement", "zh": "执法"},
        {"name": "outlook", "zh": "不足与计划", "topic": False, "from": ["shortcomings", "plans"]},
    ]
)

OWN_MARKUP = """level: township
year: 2023
---
[title] 关于2023年法治政府建设情况的报告
[salutation] 县人民政府：
[none] 2023年，我镇围绕依法治镇做了一些工作，现将有关情况报告如下：
[heading] 一、主要做法
[leadership] （一）加强组织领导。镇长任组长，召开<a:专题会议>{a:4次|leadership}，研究部署依法治镇各项工作。
[digital] （二）推进数字法治。全年<a:线上办理>{a:12件|digital}，{b:36名|digital}<b:执法人员>使用移动终端。
[services+digital] （三）化解矛盾纠纷。<a:法律咨询>{a:302人次|services}，<b:线上审查合同>{b:15份|digital}，件件有回音。
[services] （四）开展普法宣传。{a:7216户|services}{a:1.9万人次|services}<a:走访宣传>，群众知晓率不断提高。
[heading] 二、下一步打算
[plans+services] 2024年，我镇将继续开展法律进乡村活动。
[signoff] 青柳镇人民政府
[signoff] 2024年1月8日
"""


def own_gold(name: str = "o01") -> GoldReport:
    """A report that is coded by `OWN`."""
    return parse_markup(OWN_MARKUP, name, scheme=OWN)


def write_labels(path: Path) -> Path:
    """`OWN` as a labels.json."""
    path.write_text(json.dumps(OWN_LABELS, ensure_ascii=False), encoding="utf-8")
    return path
