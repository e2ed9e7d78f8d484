"""Nothing in the package opens a pickle but through the readers that run no code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "kinesis_trl"
FORBIDDEN = {
    "pickle.load", "pickle.loads", "pickle.Unpickler", "dill.load", "cloudpickle.load", "marshal.load", "marshal.loads",
    "shelve.open", "joblib.load", "tensordict.load", "tensordict.load_memmap", "TensorDict.load",
    "TensorDict.load_memmap", "torch.jit.load", "yaml.unsafe_load", "yaml.full_load", "pandas.read_pickle", "eval",
    "exec",
}  # fmt: skip
MODULES = {"torchrl.checkpoint", "dill", "cloudpickle", "shelve", "marshal"}


def name_of(node: ast.expr) -> str:
    return f"{name_of(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else getattr(node, "id", "?")


def argument(call: ast.Call, name: str) -> object:
    found = next((k.value for k in call.keywords if k.arg == name), None)
    return found.value if isinstance(found, ast.Constant) else getattr(found, "id", None)


def faults(source: str) -> Iterator[str]:
    """What opens a pickle, or could."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module in MODULES:
            yield f"imports from {node.module}"
        if isinstance(node, ast.ImportFrom) and node.module == "pickle":
            yield "imports names from pickle"
        if not isinstance(node, ast.Call):
            continue
        name = name_of(node.func)
        if name in FORBIDDEN:
            yield f"calls {name}"
        if name == "torch.load" and argument(node, "weights_only") is not True:
            yield "calls torch.load without weights_only=True"
        if name in ("np.load", "numpy.load") and argument(node, "allow_pickle") is not False:
            yield "calls np.load without allow_pickle=False"
        if argument(node, "allow_pickle") is True:
            yield f"calls {name} with allow_pickle=True"
        if name == "yaml.load" and "_PlainLoader" not in ast.unparse(node):
            yield "calls yaml.load with another loader than ours"


@pytest.mark.parametrize(
    "source",
    [
        "import pickle\npickle.load(f)",
        "torch.load(f)",
        "torch.load(f, weights_only=False)",
        "np.load(f)",
        "np.load(f, allow_pickle=True)",
        "tensordict.load(f)",
        "from torchrl.checkpoint import Checkpoint",
        "yaml.load(f, yaml.Loader)",
        "from pickle import load",
        "eval(text)",
    ],
)
def test_what_is_looked_for_is_found(source: str) -> None:
    assert list(faults(source))


def test_no_pickle_is_opened() -> None:
    found = {str(path.relative_to(PACKAGE)): list(faults(path.read_text())) for path in PACKAGE.rglob("*.py")}
    assert len(found) > 100
    assert {path: what for path, what in found.items() if what} == {}
