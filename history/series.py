"""One number of many hosts over time: what the store reads and trends judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.record import record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["SeriesBlock"]


@record
class SeriesBlock:
    """The values of one number, a row a host, a column a scan.

    ``times`` are Unix seconds, ascending, one for each scan. ``values`` has the shape (hosts,
    times); NaN where a host was not read. ``boots`` has the same shape: another number from one
    column to the next means another boot id; -1 where it is unknown.
    """

    metric: str
    hosts: tuple[str, ...]
    times: NDArray[np.int64]
    values: NDArray[np.float32]
    boots: NDArray[np.int32]
