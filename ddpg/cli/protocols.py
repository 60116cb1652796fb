"""The verb about named protocols: which there are, what one fixes, what differs between two."""

from __future__ import annotations

import argparse

from ddpg.cli.options import VerbMaker

TITLE = "protocols"
DESCRIPTION = """Say in words how the figures of a paper were made, or in what two papers differ.

A protocol is a study in config/protocols: pictures, degradations, noise and its unit, rounding,
priors, metrics with their conventions, published figures. It is run by
  snakemake --cores all --configfile config/protocols/NAME.yaml
NAME may also be the path of a configuration with a section 'protocol'; docs/protocols.md."""


def add_verbs(verb: VerbMaker) -> None:
    protocol = verb(
        _protocol,
        "Say how a paper's figures were made, and in what two papers differ.",
        "ddpg protocol diff dps-2023 diffpir-2023",
    )
    protocol.description = DESCRIPTION
    asked = protocol.add_subparsers(dest="asked", required=True, metavar="list|show|diff")
    asked.add_parser("list", help="the protocols that there are")
    show = asked.add_parser("show", help="everything that decides the figures of one, in words")
    show.add_argument("name", metavar="NAME", help="of a protocol, or the path of a configuration")
    diff = asked.add_parser("diff", help="what differs between two, side by side")
    for name in ("first", "second"):
        diff.add_argument(name, metavar="NAME")


def _protocol(options: argparse.Namespace) -> None:
    from ddpg.workflow.protocols.finding import find_protocol, protocol_names
    from ddpg.workflow.protocols.telling import compared, listed, shown

    if options.asked == "list":
        lines = listed([find_protocol(name) for name in protocol_names()])
    elif options.asked == "show":
        lines = shown(find_protocol(options.name))
    else:
        lines = compared(find_protocol(options.first), find_protocol(options.second))
    print("\n".join(lines))
