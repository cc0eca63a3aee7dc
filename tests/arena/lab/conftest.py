"""A busy efficient market, generated once per session: two window lengths, depth, takers, wallets, bands."""

from __future__ import annotations

import pytest

from arena.lab.config import LabConfig
from arena.lab.generate import generate
from arena.lab.options import RelatedModel, TakerModel, WalletModel
from arena.lab.tables import LabTables


@pytest.fixture(scope="session")
def busy_config() -> LabConfig:
    """One efficient day of BTC with everything on."""
    return LabConfig(
        mode="efficient",
        days=1,
        seed=7,
        intervals_s=(300, 900),
        depth_levels=3,
        takers=TakerModel(rate=0.5),
        wallets=WalletModel(seer_per_window=4.0),
        related=RelatedModel(),
    )


@pytest.fixture(scope="session")
def busy(busy_config: LabConfig) -> LabTables:
    """The tables of :func:`busy_config`."""
    return generate(busy_config)
