"""The warmth instruments, in the order in which people see them. A new one is a module beside this and a line here."""

from warmtune.errors import DataError, nearest
from warmtune.measures import lexical_profile, sociot, style_judge, style_probe
from warmtune.measures.instrument import Instrument

INSTRUMENTS: list[Instrument] = [
    style_probe.INSTRUMENT,
    lexical_profile.INSTRUMENT,
    sociot.INSTRUMENT,
    style_judge.INSTRUMENT,
]


def instrument(name: str) -> Instrument:
    """Return an instrument by its name, or by the name of one of its parts, such as `lexical profile: empathy`.

    Raises:
        DataError: there is none of that name.
    """
    known = {one.name: one for one in INSTRUMENTS}
    found = known.get(name.partition(":")[0])
    if found is None:
        raise DataError(
            f"There is no instrument '{name}' in this version of warmtune.{nearest(name, known)} It knows"
            f" {', '.join(known)}; open the run with the version that measured it."
        )
    return found
