"""What cleaning found: the lines of the cleaning report, and the problems that stop it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import pandas as pd

EXAMPLES = 5
REMOVED = "row removed"  # the rules that take a row away end with these words
# Rules whose line says more than its count.
SAID = {"customers numbered", "encoding", "separator", "read otherwise", "as_of", "units mixed"}
SAID |= {"columns recognised by name", "amount read as", "dates read"}


class DataError(ValueError):
    """The customer table cannot be used: got this, expected that, do the other."""


def listed(items: Iterable[Any], limit: int = EXAMPLES) -> str:
    """Write items as one line of text, saying how many were left off.

    Examples
    --------
    >>> listed([3, 4, 5], limit=2)
    '3, 4 (+ 1 more)'
    """
    texts = [str(item) for item in items]
    more = f" (+ {len(texts) - limit} more)" if len(texts) > limit else ""
    return ", ".join(texts[:limit]) + more


def in_brackets(texts: Iterable[str]) -> str:
    """Write what may explain an error behind its words; nothing without texts.

    Examples
    --------
    >>> "got no rows" + in_brackets(["read sheet 'Notes', left Customers"])
    "got no rows (read sheet 'Notes', left Customers)"
    """
    found = "; ".join(texts)
    return f" ({found})" if found else ""


def cells(column: pd.Series) -> str:
    """Write cells as a person finds them in the file: row number (header = row 1) and value.

    Examples
    --------
    >>> cells(pd.Series({7: "abc", 9: "12 years"}))
    "row 7 'abc', row 9 '12 years'"
    """
    shown = [f"row {row} {_shown(value)}" for row, value in column.head(EXAMPLES).items()]
    return listed(shown + [""] * (len(column) - len(shown)))


def _shown(value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    return repr(value) if isinstance(value, str) else f"{value:.12g}"


@dataclass(frozen=True)
class Finding:
    """One line of the cleaning report; `rows` are row numbers, named by customer id in the end."""

    rule: str
    column: str
    count: int
    rows: pd.Index | None
    detail: str

    def told(self) -> str:
        """The line as text; where it is about no rows, but how they are read, without a count.

        Examples
        --------
        >>> Finding("as_of", "", 1, None, "2026-01-01").told()
        'as_of: 2026-01-01'
        >>> Finding("zero amount: line removed", "", 27, None, "row 141").told()
        'zero amount: line removed: 27 (row 141)'
        """
        if self.rule in SAID:
            return f"{self.rule}: {self.detail}"
        return f"{self.rule}: {self.count:,}" + (f" ({self.detail})" if self.detail else "")

    def examples(self, ids: pd.Series) -> str:
        """Name the affected customers, then what was done to them."""
        rows = self.rows if self.rows is not None else pd.Index([])
        known = ids.reindex(rows[:EXAMPLES]).dropna().tolist()
        named = ", ".join(map(str, known))
        if known and len(rows) > len(known):
            named += f" (+ {len(rows) - len(known)} more)"
        return ": ".join(filter(None, (named, self.detail)))


@dataclass
class Findings:
    """The cleaning report while it is being written, and the problems met on the way.

    Problems are collected, so that a person sees all of them at once and not one per try.
    """

    entries: list[Finding] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def note(
        self,
        rule: str,
        count: int,
        *,
        column: str = "",
        rows: pd.Index | None = None,
        detail: str = "",
    ) -> None:
        """Add a line to the report, unless it counts nothing."""
        if count:
            self.entries.append(Finding(rule, column, int(count), rows, detail))

    def refuse(self, problem: str) -> None:
        """Remember a problem that makes the table unusable."""
        self.problems.append(problem)

    def stop_if_refused(self, source: str) -> None:
        """Raise every problem collected so far as one DataError."""
        if self.problems:
            _stop(source, self.problems)

    def removed(self) -> int:
        """Count the rows taken away so far."""
        return sum(entry.count for entry in self.entries if entry.rule.endswith(REMOVED))

    def table(self, ids: pd.Series) -> pd.DataFrame:
        """Turn the entries into the cleaning report (rule, column, count, examples)."""
        lines = [(e.rule, e.column, e.count, e.examples(ids)) for e in self.entries]
        return pd.DataFrame(lines, columns=["rule", "column", "count", "examples"])


def _stop(source: str, problems: list[str]) -> NoReturn:
    """Raise a DataError that names the file and lists the problems."""
    if len(problems) == 1:
        raise DataError(f"{source}: {problems[0]}")
    raise DataError(f"{source}: {len(problems)} problems\n" + "\n".join(f"- {p}" for p in problems))
