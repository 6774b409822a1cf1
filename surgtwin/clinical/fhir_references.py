"""The resources of a bundle, found by the references between them."""

from __future__ import annotations

from .fhir_json import Json, at, objects_at, text_at, words_of

_MODEL_NAMES = ("model-name", "manufacturer-name", "udi-label-name", "registered-name", "other")
"""Kinds of names that makers give; what a person calls a device may hold that person's name."""


class Bundle:
    """Resources with the addresses they have in their bundle."""

    def __init__(self, resources: list[Json], urls: list[str]) -> None:
        self._urls = urls
        self._found: dict[str, Json] = {}
        for resource, url in zip(resources, urls, strict=True):
            if url:
                self._found[url] = resource
            if text_at(resource, "id"):
                self._found.setdefault(f"{resource['resourceType']}/{resource['id']}", resource)

    def url(self, n: int) -> str:
        return self._urls[n]

    def find(self, reference: str, inside: Json | None = None) -> Json | None:
        """What a reference means: in the resource itself ("#x"), by address, or by "Type/id"; None if not there."""
        if reference.startswith("#"):
            contained = objects_at(inside, "contained")
            return next((c for c in contained if text_at(c, "id") == reference[1:]), None)
        bare = reference.split("/_history/")[0]
        return self._found.get(bare) or self._found.get("/".join(bare.split("/")[-2:]))

    def device(self, resource: Json) -> str:
        """What measured it, in its maker's words; empty if that is not said."""
        reference = at(resource, "device")
        found = self.find(text_at(reference, "reference"), resource)
        if found is None:
            return text_at(reference, "display")
        names = {text_at(n, "type"): text_at(n, "name") for n in objects_at(found, "deviceName")}
        model = text_at(found, "modelNumber") or next((names[k] for k in _MODEL_NAMES if names.get(k)), "")
        words = " ".join(filter(None, (text_at(found, "manufacturer"), model)))
        return words or words_of(found.get("type"))
