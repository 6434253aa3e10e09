"""The one table: each figure with its peer's, measured in the same run, and their ratio.

What must stay true: a figure whose peer was not measured shows none; nothing is rounded in the JSON.
"""

from dataclasses import asdict, dataclass


@dataclass
class Figure:
    part: str
    figure: str
    here: float
    unit: str
    peer: float | None = None
    peerIs: str = ""
    ratio: float | None = None
    aim: str = ""
    isAimMet: bool | None = None


class Table:
    """Figures, printed as they come."""

    def __init__(self):
        self.figures = []
        self.part = ""

    def head(self):
        print(f"\n{'figure':60} {'here':>14} {'peer':>14} {'here/peer':>9}  the peer, or the aim")

    def add(self, figure, here, unit, peer=None, peer_is="", aim="", is_met=None):
        """A figure. `aim` says what is wanted of it, `is_met` whether it is so."""
        ratio = here / peer if peer else None
        self.figures.append(Figure(self.part, figure, here, unit, peer, peer_is, ratio, aim, is_met))
        words = [peer_is] if peer_is else []
        if aim:
            words.append(f"aim: {aim}, {'met' if is_met else 'NOT MET'}")
        print(
            f"{figure:60} {shown(here, unit):>14} {shown(peer, unit):>14} {f'{ratio:.2f}' if ratio else '–':>9}  "
            + "; ".join(words), flush=True)

    def json(self):
        return [asdict(figure) for figure in self.figures]


def shown(value, unit):
    """Three figures and the unit."""
    if value is None:
        return "–"
    if abs(value) >= 1000:
        text = f"{round(value, 2 - len(str(int(abs(value)))) + 1):,.0f}"
    else:
        text = f"{value:.3g}"
    return f"{text} {unit}".strip()
