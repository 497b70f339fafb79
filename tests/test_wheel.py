"""What is built is what is used: the wheel, installed elsewhere without developer packages, does the main job."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(*words: str | Path, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        list(map(str, words)), cwd=cwd, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_wheel_alone_does_the_main_job(tmp_path: Path, environment: dict[str, str]) -> None:
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path / "dist", ROOT, cwd=ROOT)
    [wheel] = (tmp_path / "dist").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if name.startswith("tests/") or "/viewer/src/" in name or "node_modules" in name]
    for needed in (
        "rlm_cli/packs/full.toml",
        "rlm_cli/packs/small.toml",
        "rlm_cli/schemas/answer.json",
        "rlm_cli/viewer/page.html",
    ):
        assert needed in names
    venv.create(tmp_path / "elsewhere", with_pip=True)
    python = tmp_path / "elsewhere" / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]  # 40 s less
    run(*pip, "--require-hashes", "-r", ROOT / "requirements" / "run.lock", cwd=tmp_path)
    run(*pip, "--no-deps", wheel, cwd=tmp_path)
    assert "pytest" not in run(python, "-m", "pip", "list", cwd=tmp_path).stdout
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "auth.py").write_text(
        "import jwt\n\n\ndef check_token(token):\n    return jwt.decode(token)\n"
    )
    rlm = tmp_path / "elsewhere" / "bin" / "rlm"
    done = run(rlm, "ask", "shop", "where is the token checked?", cwd=tmp_path, env=environment)
    assert "shop/auth.py:" in done.stdout
    assert "no language model was used" in done.stderr
