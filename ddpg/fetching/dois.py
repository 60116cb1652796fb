"""DOIs of Zenodo, figshare and Dataverse: which address a file of them has, through pooch."""

from __future__ import annotations

from ddpg.fetching.answers import translated
from ddpg.fetching.errors import MirrorError, plain
from ddpg.fetching.patience import Patience


def address_behind(doi: str, patience: Patience) -> str:
    """The http(s) address of ``doi:DOI/FILE``.

    Raises:
        MirrorError: there is no such DOI, or no such file in it.
    """
    import requests
    from pooch import downloaders

    try:
        parsed = downloaders.parse_url(doi)
        repository = downloaders.doi_to_repository(
            parsed["netloc"], headers=downloaders.REQUESTS_HEADERS, timeout=patience.timeout
        )
        return str(repository.download_url(parsed["path"].lstrip("/")))
    except requests.RequestException as error:
        raise translated(error, patience.timeout) from error
    except (LookupError, TypeError, ValueError) as error:  # pooch's words, or an odd answer
        raise MirrorError(plain(" ".join(str(error).split())) or "is not understood") from error
