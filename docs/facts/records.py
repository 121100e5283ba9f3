"""What the records of `benchmarks/results` say of a method, line by line as they stand there."""

import re
from pathlib import Path

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
_VERDICTS = ("held: ", "refuted: ", "open: ")


def records(name: str, folder: Path = RESULTS) -> list[Path]:
    """All records of a benchmark, the newest first."""
    pattern = re.compile(rf"{re.escape(name)}-(\d{{4}}-\d\d-\d\d)(?:-(\d+))?")
    found = {file: pattern.fullmatch(file.stem) for file in folder.glob("*.txt")}
    dated = {file: (match[1], int(match[2] or 1)) for file, match in found.items() if match}
    return sorted(dated, key=lambda file: dated[file], reverse=True)


def cost(names: str, folder: Path = RESULTS) -> str:
    """The time and memory of a step with each method, and of a step without any, by the newest record of `methods`."""
    (file, *_) = records("methods", folder)
    lines = file.read_text().splitlines()
    wanted = {*names.split(), "student alone"}
    told = [line for line in lines if re.split(r"  +", line)[0] in wanted]
    missing = sorted(wanted - {re.split(r"  +", line)[0] for line in told})
    also = f" Not measured: {', '.join(missing)}." if missing else ""
    setup = next(line for line in lines if "batches of" in line)
    return f"{_where(file)}, {setup}.{also}\n\n{_block(told)}"


def evidence(word: str, folder: Path = RESULTS) -> str:
    """The claims and arms that have a word in their names, by the newest record of `evidence` that has any."""
    for file in records("evidence", folder):
        lines = [line.strip() for line in file.read_text().splitlines() if re.search(rf"\b{re.escape(word)}\b", line)]
        claims = [line for line in lines if line.startswith(_VERDICTS)]
        arms = [line for line in lines if re.search(r": \d+\.\d+, sd ", line)]
        if claims or arms:
            return f"{_where(file)}. {_HOW_TO_READ}\n\n{_block([*claims, *arms])}"
    return (
        "**Not measured**: no record of `benchmarks/evidence.py` under `benchmarks/results/` has a line of it. "
        "What the papers report is theirs, and was not repeated here."
    )


def record(name: str, folder: Path = RESULTS) -> str:
    """The newest record of a benchmark, whole."""
    (file, *_) = records(name, folder)
    return f"`benchmarks/results/{file.name}`:\n\n{_block(file.read_text().splitlines())}"


_HOW_TO_READ = (
    "A claim is `held` where the 95 % interval of the difference, over paired seeds, lies above 0, `refuted` where it "
    "lies below, and else `open`. Below the claims: the mean on the test split in percent, its deviation over seeds, "
    "and the difference from plain KD."
)


def _where(file: Path) -> str:
    machine = next(line for line in file.read_text().splitlines() if line.startswith("machine: "))
    return f"By `benchmarks/results/{file.name}` ({machine.removeprefix('machine: ')})"


def _block(lines: list[str]) -> str:
    return "\n".join(["```text", *lines, "```"])
