"""Write the demo panel: 24 short invented reports of 7 invented places over 4 years, and the table of their places.

    python training/make_panel_samples.py data/panel

One place is renamed (石湾乡 -> 石湾镇, 2022), one merged into another one (云岭乡 into 青柳镇, 2022), one begins late, one
lacks a year. Five faults are planted, which `FAULTS` lists: the checks of `lawgov panel` should find them all.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

FAULTS = (
    ("rate", "青柳镇", 2022, "化解率写作 88%，而 206 ÷ 214 = 96.3%"),
    ("series", "石湾镇", 2022, "宣传资料 36000 份，他年三四千份"),
    ("copied", "松坪镇", 2023, "全文沿用 2022 年"),
    ("growth", "望溪县", 2023, "说行政复议案件同比增长 40%，实为下降"),
    ("part_whole", "司法局", 2021, "法律援助 120 件，其中农民工案件 150 件"),
)
# code, then what the reports say of the place
PLACES = {
    "青柳镇": ("990121101", "township", range(2020, 2024)),
    "石湾镇": ("990121102", "township", range(2020, 2024)),
    "云岭乡": ("990121203", "township", range(2020, 2022)),
    "松坪镇": ("990121104", "township", (2020, 2022, 2023)),
    "河垛街道": ("990121005", "township", range(2021, 2024)),
    "望溪县": ("990121", "county", range(2020, 2024)),
    "司法局": ("990121", "county", range(2020, 2024)),
}
BASE = {"青柳镇": 190, "石湾镇": 120, "云岭乡": 64, "松坪镇": 150, "河垛街道": 230}
OPENINGS = (
    "{year}年，我{unit}深入学习贯彻习近平法治思想，扎实推进法治政府建设，现将有关情况报告如下：",
    "现将{name}{year}年度法治政府建设情况报告如下：",
)


def main() -> None:
    """Write the reports and `places.csv`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name, (_, _, years) in PLACES.items():
        for year in years:
            (out / f"{name}{year}.txt").write_text(report(name, year), encoding="utf-8")
    with (out / "places.csv").open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file, lineterminator="\r\n")
        table.writerow(("issuer", "code", "name", "level", "county", "township", "body", "successor"))
        for name, (code, level, _) in PLACES.items():
            township = name if level == "township" else ""
            body = "司法局" if name == "司法局" else "government"
            for issuer in sorted({issuer_of(name, year) for year in range(2020, 2024)}):
                full = "望溪县" if name == "望溪县" else f"望溪县{name}"
                heir = PLACES["青柳镇"][0] if name == "云岭乡" else ""  # merged into it in 2022
                table.writerow((issuer, code, full, level, "望溪县", township, body, heir))


def issuer_of(name: str, year: int) -> str:
    """The body that reports, by its name in the year."""
    if name == "石湾镇" and year < 2022:
        name = "石湾乡"
    if name == "望溪县":
        return "望溪县人民政府"
    if name == "司法局":
        return "望溪县司法局"
    return f"望溪县{name}{'办事处' if name.endswith('街道') else '人民政府'}"


def report(name: str, year: int) -> str:
    """A report; its numbers follow from place and year."""
    issuer = issuer_of(name, year)
    body = {"望溪县": county, "司法局": bureau}.get(name, township)(name, year)
    title = f"{issuer}\n关于{year}年法治政府建设情况的报告"
    return f"{title}\n{body}\n{issuer}\n{year + 1}年1月{10 + len(name)}日\n"


def township(name: str, year: int) -> str:
    """The sections of a township's report."""
    said = 2022 if (name, year) == ("松坪镇", 2023) else year  # planted: copied
    step, base = said - 2020, BASE[name]
    if name == "青柳镇" and said >= 2022:
        base += 10  # with 云岭乡
    screened = base + 4 * step
    mediated = screened - 6
    resolved = mediated - 8 + step % 2
    if name == "青柳镇" and said == 2022:
        screened, mediated, resolved = 214, 214, 206
    rate = "88" if (name, said) == ("青柳镇", 2022) else f"{100 * resolved / mediated:.1f}"
    papers = 36_000 if (name, said) == ("石湾镇", 2022) else 20 * base + 150 * step
    short = name[-2:] if name.endswith("街道") else name[-1]
    before = (base - 30) // 6 + 2 * step
    return f"""{OPENINGS[len(name) % 2].format(year=year, unit=short, name=name)}
一、主要做法
（一）加强组织领导。全年专题研究法治工作{3 + step}次，听取法治工作汇报{1 + step % 2}次，安排普法经费{4 + step}万元。
（二）抓好干部学法。组织会前学法{8 + step}次、法治讲座{2 + step % 3}场，{20 + base // 10}名执法人员参加考试，合格率100%。
（三）规范行政执法。现有执法人员{12 + base // 40}名，出动执法人员{base + 60 + 5 * step}人次，检查企业{base // 2 + 4 * step}家次，\
发现隐患{before}处，整改隐患{before - 2}处。全年立案{5 + step}件，罚款{2 + step}.{base % 9}万元。审查合同{14 + 3 * step}份，\
主动公开政府信息{base + 30 * step}条。
（四）化解矛盾纠纷。全{short}排查矛盾纠纷{screened}件，调解纠纷{mediated}件，化解{resolved}件，化解率{rate}%，其中婚姻家庭纠纷{mediated // 4}件、\
邻里纠纷{mediated // 3}件。接待群众来访{18 + step}批。解答法律咨询{base + 90 + 12 * step}人次。
（五）开展普法宣传。举办普法活动{10 + step}场，发放宣传资料{papers}份，受众{papers // 3}余人次，悬挂横幅{16 + 2 * step}条。
二、存在不足
一是执法力量薄弱，持证人员只有{7 + base // 60}名。
三、下一步打算
{year + 1}年，我{short}将开展普法活动{14 + step}场以上，力争矛盾纠纷化解率达到98%。"""


def county(name: str, year: int) -> str:
    """The sections of the county's report."""
    step = year - 2020
    cases = (62, 71, 80, 74)[step]
    growth = ("", "同比增长14.5%", "同比增长12.7%", "同比增长40%")[step]  # planted in 2023: 74 after 80 is a fall
    return f"""现将{year}年全县法治政府建设情况报告如下：
一、主要举措和成效
（一）坚持依法决策。县政府常务会议专题研究法治工作{5 + step}次，重大行政决策事项{6 + step}项，办理人大代表建议{88 + 3 * step}件、政协提案{64 + step}件。
（二）规范行政执法。全县持证执法人员{640 + 12 * step}名，评查案卷{120 + 10 * step}卷，作出行政处罚{410 + 25 * step}件。
（三）化解行政争议。收到行政复议案件{cases}件{"，" + growth if growth else ""}。行政诉讼案件{31 + step}件，败诉{2 + step % 2}件，负责人出庭应诉率100%。
（四）清理规范性文件{90 + step}件，废止{7 + step}件。主动公开政府信息{2400 + 130 * step}条，依申请公开{40 + 2 * step}件。
二、存在问题
基层执法力量不足。
三、下一步工作
{year + 1}年，将重大行政决策事项全部纳入合法性审查。"""


def bureau(name: str, year: int) -> str:
    """The sections of the judicial bureau's report."""
    step = year - 2020
    aid = (112, 120, 131, 140)[step]
    part = 150 if year == 2021 else aid // 3  # planted in 2021: a part larger than its whole
    return f"""现将我局{year}年法治政府建设工作报告如下：
一、工作开展情况
（一）局党组会研究法治工作{4 + step}次，开展执法培训{3 + step}期，参训{180 + 20 * step}人次。
（二）公共法律服务。办理法律援助{aid}件，其中农民工案件{part}件，办理公证{300 + 25 * step}件，代写法律文书{60 + 4 * step}份。
（三）全县人民调解委员会{96 + step}个，人民调解员{410 + 6 * step}名，培育法律明白人{260 + 40 * step}名。社区矫正对象{118 - 3 * step}名。
（四）备案审查规范性文件{24 + step}件，审查合同{70 + 5 * step}份。
二、下一步打算
{year + 1}年，计划开展执法培训{5 + step}期。"""


if __name__ == "__main__":
    main()
