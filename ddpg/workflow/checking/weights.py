"""Whether the weights that are on this machine are those of the networks that their cards describe.

Names and shapes are compared, which takes PyTorch and, of most checkpoints, no reading of values.
A dry run does without: it loads no PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ddpg.errors import UserError
from ddpg.priors.cards.card import WITHOUT_CHECKPOINT, Card
from ddpg.priors.cards.own_files import own_file
from ddpg.priors.checkpoints.places import downloaded_path


def weights_problems(cards: Iterable[Card]) -> Iterator[str]:
    """What is wrong with each checkpoint that is here; one that is still to be fetched is none.

    Weights that are drawn at random are drawn anew for another card. Folders of diffusers are
    looked at by their own library, when they are loaded.
    """
    from ddpg.priors.checkpoints.building import build_network
    from ddpg.priors.checkpoints.reading import check_weights, read_checkpoint

    for card in cards:
        for part in card.parts():
            entry, architecture = card.part(part)
            if architecture["kind"] in WITHOUT_CHECKPOINT or entry.random_seed is not None:
                continue
            file = own_file(card, part) or downloaded_path(card, part)
            if not file.is_file():
                continue
            try:
                network = build_network(card, part)
                check_weights(network, read_checkpoint(file, network), file)
            except UserError as error:
                yield f"{card.path}: {part}: {error}"
