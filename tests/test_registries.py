"""What can be extended is declared whole: each term, control, task, body, reader and preset says what it is, says how
it looks in a mirror where that matters, and has a test."""

import ast
import inspect
import re
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

from kinesis_trl.body.catalog import CATALOG
from kinesis_trl.envs.config import EnvConfig, ImitationConfig
from kinesis_trl.envs.control.config import CONTROLS
from kinesis_trl.envs.directional import Heading
from kinesis_trl.envs.goal_config import DirectionalConfig, PointGoalConfig
from kinesis_trl.envs.terms import metrics
from kinesis_trl.envs.terms.observations import OBSERVATIONS
from kinesis_trl.envs.terms.rewards import REWARDS
from kinesis_trl.envs.terms.terminations import TERMINATIONS
from kinesis_trl.evaluation.task import task_of
from kinesis_trl.motion.readers.registry import readers
from kinesis_trl.training.presets import shipped_presets

ROOT = Path(__file__).parents[1]
TESTS = {path: ast.parse(path.read_text()) for path in Path(__file__).parent.rglob("*.py") if path != Path(__file__)}
UNIT = re.compile(r"metre|m/s|radian|rad/s|rad²|degree|newton|N m|body weights|unit|policy steps|share", re.IGNORECASE)
METRICS = {name: f for name, f in vars(metrics).items() if inspect.isfunction(f)}
TASKS = {kind.name: kind for kind in dict.fromkeys(type(p.run.env) for p in shipped_presets().values())}
# numbers without a unit besides exponentials: sines, shares, indices, truth values, squares of actions
BARE = {
    *("root_tilt", "body_rot", "last_action", "far", "survival", "effort", "near", "action", "change", "bend"),
    *("activation", "lost", "clip", "clip_over", "close", "effort_factor", "success", "heading"),
}


def said(tree: ast.Module) -> set[str]:
    """Names and words of strings in a file's code; docstrings and comments test nothing."""
    words = set()
    documented = [n for n in ast.walk(tree) if isinstance(n, ast.Module | ast.ClassDef | ast.FunctionDef)]
    prose = {id(n.body[0].value) for n in documented if ast.get_docstring(n)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            words.add(node.id)
        elif isinstance(node, ast.Attribute):
            words.add(node.attr)
        elif isinstance(node, ast.keyword) and node.arg:
            words.add(node.arg)
        elif isinstance(node, ast.ImportFrom):
            words.update([*str(node.module).split("."), *(alias.name for alias in node.names)])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            words.update(re.findall(r"[\w-]+", node.value))
    return words


SAID = {path: said(tree) for path, tree in TESTS.items()}


def is_tested(*words: str, beside: str = "") -> bool:
    """Whether a test names one of the words, in a file that names `beside` too where that is given."""
    return any(found & set(words) and (not beside or beside in found) for found in SAID.values())


def kinds():
    """Every term with its function, the shape that its docstring must give, and a word that its tests name too."""
    for registry, shape, beside in (
        (OBSERVATIONS, "R", "observation"),
        (REWARDS, "N", "rewards"),
        (TERMINATIONS, "N", "terminations"),
    ):
        for name, term in registry.items():
            yield pytest.param(name, term.compute, shape, beside, id=f"{name}-{type(term).__name__}")
    for name, function in METRICS.items():
        yield pytest.param(name, function, "N", "metrics", id=f"{name}-metric")


@pytest.mark.parametrize("name, function, shape, beside", kinds())
def test_a_term_says_its_shape_and_unit_and_is_tested(name, function, shape, beside):
    says = inspect.getdoc(function) or ""
    assert re.search(rf"\({shape},[^)]*\)", says), f"{name}: its docstring gives no shape such as ({shape},)"
    bare = name in BARE or says.startswith("exp(")
    assert bare or UNIT.search(says), f"{name}: its docstring gives no unit"
    assert is_tested(name, beside=beside) or is_tested(f"{name}_reward", f"{name}_cost"), f"{name}: no test names it"


def test_a_reward_term_that_ships_has_a_weight_in_a_config():
    weights = {f.name for task in TASKS.values() for f in fields(task().reward)}
    weights |= {f.name for f in fields(ImitationConfig().reward.calm)}
    assert {name for name in REWARDS if f"{name}_weight" not in weights} == {"survival"}
    assert {name.removesuffix("_weight") for name in weights if name.endswith("_weight")} <= set(REWARDS)


GOALS = [name for name, kind in TASKS.items() if not kind.follows_clips]


@pytest.mark.parametrize("name", GOALS)
def test_a_task_with_a_goal_looks_alike_in_the_mirror(body, name):
    env = TASKS[name](num_envs=2).make(body)
    left_and_right = np.array([[1.0, 0.4], [1.0, -0.4]])
    if isinstance(env.settings, PointGoalConfig):
        env.assign(left_and_right)
    else:
        assert isinstance(env.settings, DirectionalConfig)
        env.command(Heading())
        env.velocity[:] = torch.from_numpy(left_and_right)
    td = env.reset()
    mirror = env.sample_mirror().observation
    for _ in range(3):
        action = torch.linspace(-0.4, 0.4, env.control.width)
        td = env.step(td.set("action", torch.stack([action, env.control.mirror(action)])))["next"]
        one, two = td["observation"]
        torch.testing.assert_close(mirror(one), two, atol=2e-4, rtol=1e-3)
    for key in ("metrics", "reward", "terminated", "truncated"):
        torch.testing.assert_close(td[key][0], td[key][1], atol=1e-5, rtol=0, msg=key)


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_says_what_it_is_and_has_a_mirror(body, name):
    config = CONTROLS[name]
    control = config().make(body, 2)
    assert config.__doc__ and type(control).__doc__ and inspect.getdoc(type(control).step)
    action = torch.rand(2, control.width)
    assert control.mirror(action).shape == action.shape
    torch.testing.assert_close(control.mirror(control.mirror(action)), action)
    assert is_tested(name), f"{name}: no test names it"


@pytest.mark.parametrize("name", TASKS)
def test_a_task_has_an_environment_an_evaluation_a_preset_and_a_test(name):
    kind = TASKS[name]
    module, _, env = kind.made_as.partition(":")
    assert kind.__doc__ and inspect.getdoc(getattr(import_module(module), env))
    if not kind.follows_clips:
        assert callable(task_of(kind()).evaluate)
    assert is_tested(kind.__name__), f"{name}: no test names {kind.__name__}"


def test_every_task_is_found_by_a_preset():
    def below(kind):
        for one in kind.__subclasses__():
            yield from ([one] if one.made_as else []) + list(below(one))

    shipped = {kind for kind in below(EnvConfig) if kind.__module__.startswith("kinesis_trl.")}
    assert set(TASKS.values()) == shipped


@pytest.mark.parametrize("name", CATALOG)
def test_a_body_is_named_in_the_documentation_and_in_a_test_of_its_mirror(name):
    assert is_tested(name), f"{name}: no test names it"
    pages = [path.read_text() for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]]
    assert any(name in page for page in pages), f"{name}: no page of docs/ names it"
    mirror = [found for path, found in SAID.items() if path.parent.name == "body" and "mirror" in found]
    assert any({name, "CATALOG"} & found for found in mirror), f"{name}: no test of its mirror"


@pytest.mark.parametrize("reader", readers(), ids=lambda reader: reader.name.split()[0])
def test_a_reader_says_its_units_and_is_tested(reader):
    says = inspect.getdoc(reader.read) or ""
    assert UNIT.search(says), f"{reader.name}: its docstring gives no unit"
    module = reader.read.__module__.rsplit(".", 1)[-1]
    own = any(path.name == f"test_{module}.py" for path in TESTS)
    assert own or is_tested(module), f"{reader.name}: no test names its module"
    assert reader.suffixes and all(suffix.startswith(".") for suffix in reader.suffixes)


@pytest.mark.parametrize("name", shipped_presets())
def test_a_preset_says_what_it_is_for_and_is_tested(name):
    item = shipped_presets()[name]
    assert len(item.description) > 20 and item.run.env.name in TASKS
    assert is_tested(name, name.upper().replace("-", "_")), f"{name}: no test names it"
