"""Logs: one event, one line of JSON on standard error, whoever speaks, ours or a library's.

Surprise: every text is masked on its way out: card numbers, long digit runs (bank numbers have no mark of
their own), keys and tokens. A log is read by more people than the database, and kept longer.
"""

import logging
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from billing.card_numbers import mask_bank_numbers, mask_card_numbers

# API keys and portal tokens; and what links and cookies carry: 43 characters that stand for 256 bits.
_TOKEN = re.compile(r"\bremit_[A-Za-z0-9_-]{8,}|(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])")


def configure(stream: TextIO = sys.stderr) -> None:
    """Send all logs of this process to `stream`, warnings and worse."""
    first: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    last: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        _mask_event,
        structlog.processors.JSONRenderer(default=str),
    ]
    structlog.configure(
        processors=[*first, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    to_stream = logging.StreamHandler(stream)
    to_stream.setFormatter(structlog.stdlib.ProcessorFormatter(processors=last, foreign_pre_chain=first))
    root = logging.getLogger()
    root.handlers = [to_stream]
    root.setLevel(logging.WARNING)


def mask(text: str) -> str:
    """The text without what must not be in a log: tokens first, or their digits would be cut out of them."""
    return mask_bank_numbers(mask_card_numbers(_TOKEN.sub("[token]", text)))


def _mask_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {name: value if name == "at" else _masked(value) for name, value in event.items()}


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, bool | float) or value is None:
        return value
    if isinstance(value, Mapping):
        return {mask(str(name)): _masked(inner) for name, inner in value.items()}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes):
        return [_masked(inner) for inner in value]
    text = mask(str(value))
    return value if isinstance(value, int) and text == str(value) else text
