"""Re-export of `Shard` for one release: DAG files that older versions wrote import it from here."""

from .domain.shards import Shard

__all__ = ["Shard"]
