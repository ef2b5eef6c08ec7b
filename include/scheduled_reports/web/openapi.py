"""Add to the OpenAPI document what report types declare; their folders are read once per process, not at import."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from ..reports.parameter_values import parameters_schema
from ..reports.types.catalog import report_types

if TYPE_CHECKING:
    from collections.abc import Iterator


def with_parameters(document: dict[str, Any]) -> dict[str, Any]:
    """Return *document*, in which the option `parameters` of a report is what its type declares."""
    own = {f"parameters-{kind.id}": parameters_schema(kind) for kind in report_types().values() if kind.own_parameters}
    if not own:
        return document
    document = deepcopy(document)  # parts of it belong to the routes
    components = document.get("components", {})
    described = {"anyOf": [*({"$ref": f"#/components/schemas/{name}"} for name in own), {"type": "null"}]}
    for options in _options(document):
        options["properties"] = {**options.get("properties", {}), "parameters": described}
    return {**document, "components": {**components, "schemas": {**components.get("schemas", {}), **own}}}


def _options(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the schema of the field `options` of each body that describes a report."""
    for path in document["paths"].values():
        for operation in path.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                if options := content["schema"].get("properties", {}).get("options"):
                    yield options
