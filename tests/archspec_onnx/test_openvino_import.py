"""OpenVINO is imported without the report that its import would send."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.needed import needs

pytestmark = needs("onnx", "openvino")

SENDER = """
import os
from . import backend
class Telemetry:
    def __init__(self, *args, **options): pass
    def send_event(self, *args, **options):
        open(os.environ["SENT"], "a").write(repr(args))
"""


@pytest.mark.parametrize(
    ("code", "sends"),
    [
        ("import openvino", True),  # that the stand-in is what OpenVINO takes
        ("import archspec_onnx.openvino_import", False),
        ("import archspec_openvino.model", False),
        (
            "import openvino_telemetry, archspec_openvino.model; sys.modules['openvino_telemetry'].Telemetry",
            False,
        ),
    ],
)
def test_nothing_is_sent(tmp_path: Path, code: str, sends: bool) -> None:
    package = tmp_path / "openvino_telemetry"
    (package / "backend").mkdir(parents=True)
    (package / "__init__.py").write_text(SENDER)
    (package / "backend" / "__init__.py").write_text("from . import backend_ga4\n")
    (package / "backend" / "backend_ga4.py").write_text("")
    sent = tmp_path / "sent"
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH", ""))))
    environment = {**os.environ, "PYTHONPATH": path, "SENT": str(sent)}
    subprocess.run([sys.executable, "-c", f"import sys; {code}"], env=environment, check=True)
    assert sent.exists() is sends
