"""Re-export of `Shard` for one release: DAG files that older versions wrote import it from here."""

from .orchestration.shard_watch import Shard

__all__ = ["Shard"]
