"""Checkpoints of the original: what is read, and what is refused."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from tensordict import TensorDict
from torch.nn import functional

from kinesis_trl.agents.checkpoint import load_checkpoint, load_policy, save_policy
from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.agents.lattice import LatticeActor
from kinesis_trl.agents.mixture import MixtureActor, Remembering
from kinesis_trl.agents.original import import_original

OBSERVATION, ACTION, HIDDEN = 6, 3, (7, 5)


def layers(stem: str, widths: tuple[int, ...]) -> dict[str, torch.Tensor]:
    weights = {}
    for i, (before, after) in enumerate(pairwise(widths)):
        weights[f"{stem}affine_layers.{i}.weight"] = torch.randn(after, before)
        weights[f"{stem}affine_layers.{i}.bias"] = torch.randn(after)
    return weights


def policy_weights(seen: int = 100) -> dict[str, torch.Tensor]:
    std = torch.rand(OBSERVATION) + 0.5
    return {
        "norm.n": torch.tensor(seen),
        "norm.mean": torch.randn(OBSERVATION),
        "norm.var": std.square(),
        "norm.std": std,
        **layers("net.", (OBSERVATION, *HIDDEN)),
        "action_mean.weight": torch.randn(ACTION, HIDDEN[-1]),
        "action_mean.bias": torch.randn(ACTION),
        "log_std": torch.randn(1, ACTION + HIDDEN[-1]) - 4.5,  # partly below our own lower bound
    }


def value_weights() -> dict[str, torch.Tensor]:
    head = {"value_head.weight": torch.randn(1, HIDDEN[-1]), "value_head.bias": torch.randn(1)}
    return {**layers("net.", (OBSERVATION, *HIDDEN)), **head}


def original_network(x: torch.Tensor, weights: dict[str, torch.Tensor], head: str) -> torch.Tensor:
    for i in range(len(HIDDEN)):
        stem = f"net.affine_layers.{i}."
        x = functional.silu(functional.linear(x, weights[stem + "weight"], weights[stem + "bias"]))
    return functional.linear(x, weights[head + "weight"], weights[head + "bias"])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "model.pth"
    content = {"policy": policy_weights(), "value": value_weights(), "epoch": 3, "frame": 99}
    torch.save({**content, "optimizer_policy": {"state": {}}, "optimizer_value": {}}, path)
    return path


def test_mean_covariance_and_value_follow_the_original_formulas(file: Path) -> None:
    content = torch.load(file, weights_only=True)
    weights, found = content["policy"], load_checkpoint(file)
    policy, x = found.policy, 4 * torch.randn(50, OBSERVATION)
    assert isinstance(policy, LatticeActor) and found.critic is not None
    assert found.notes == {"epoch": 3, "frame": 99}
    normal = ((x - weights["norm.mean"]) / (weights["norm.std"] + 1e-8)).clamp(-5, 5)
    std, head = weights["log_std"][0].exp(), weights["action_mean.weight"]
    covariance = head @ (std[ACTION:] ** 2).diag() @ head.T + (std[:ACTION] ** 2).diag()
    with torch.no_grad():
        torch.testing.assert_close(policy.mean(x), original_network(normal, weights, "action_mean."))
        torch.testing.assert_close(policy.covariance().float(), covariance)
        expected = original_network(x, content["value"], "value_head.")  # on raw observations
        torch.testing.assert_close(found.critic.net(x), expected)


def test_a_norm_that_has_seen_nothing_is_left_out(tmp_path: Path) -> None:
    weights, x = policy_weights(seen=0), 9 * torch.randn(5, OBSERVATION)
    torch.save({"policy": weights, "value": {}}, tmp_path / "model.pth")
    policy = import_original(tmp_path / "model.pth").policy
    assert isinstance(policy, LatticeActor)
    with torch.no_grad():
        torch.testing.assert_close(policy.mean(x), original_network(x, weights, "action_mean."))


def test_imported_policies_survive_our_own_format(shared: Path, tmp_path: Path) -> None:
    x = torch.randn(4, 309)
    for name, kind in (("kin_expert_1", LatticeActor), ("kin_moe", MixtureActor)):
        # A folder with only a model.pth, as the hub gives it, is found too.
        policy = load_policy(shared / "golden" / name, observation_width=309, action_width=80)
        again = load_policy(save_policy(tmp_path / name, policy, body="legs"))
        assert isinstance(policy, kind) and isinstance(again, kind)
        weights = again.state_dict()
        assert all(torch.equal(value, weights[key]) for key, value in policy.state_dict().items())
    assert isinstance(again, MixtureActor) and isinstance(policy, MixtureActor)
    with torch.no_grad():
        assert torch.equal(again.expert_actions(x), policy.expert_actions(x))


class Bomb:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return exec, ("raise SystemExit('code of the file was run')",)


def test_nothing_in_a_file_is_executed(tmp_path: Path) -> None:
    torch.save({"policy": policy_weights(), "value": Bomb()}, tmp_path / "model.pth")
    with pytest.raises(CheckpointError, match="could run code"):
        import_original(tmp_path / "model.pth")
    (tmp_path / "model.pth").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CheckpointError, match=r"damaged or no model.pth"):
        import_original(tmp_path / "model.pth")


def test_a_compressed_archive_is_not_unpacked(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in records.items():
            archive.writestr(name, content)
    with pytest.raises(CheckpointError, match="compressed"):
        import_original(file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["policy"].pop("action_mean.weight"), "action_mean.weight"),
        (lambda c: c["policy"].pop("net.affine_layers.0.weight"), "neither a Lattice policy nor a mixture"),
        (lambda c: c["policy"].pop("net.affine_layers.1.bias"), "net.affine_layers.1.bias"),
        (lambda c: c["policy"].update(log_std=torch.zeros(1, ACTION)), "expected 8"),
        (lambda c: c["policy"].update({"norm.mean": torch.zeros(4)}), r"norm.mean has shape \(4,\)"),
        (lambda c: c["policy"]["log_std"].fill_(float("nan")), "log_std holds NaN"),
        (lambda c: c.update(policy=[1, 2]), "not a dict of tensors"),
        (lambda c: c["value"].pop("value_head.weight"), "output layers in the value function"),
        (lambda c: c.pop("policy"), "not a dict of tensors"),
    ],
)
def test_incomplete_or_odd_files_are_refused(file: Path, change: Callable[[dict[str, Any]], Any], message: str) -> None:
    content = torch.load(file, weights_only=True)
    change(content)
    torch.save(content, file)
    with pytest.raises(CheckpointError, match=message):
        import_original(file)


def test_cut_missing_or_foreign_files_are_refused(file: Path) -> None:
    content = file.read_bytes()
    for damaged in (b"", content[:300], content[: len(content) // 2]):
        file.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="Download it again"):
            import_original(file)
    torch.save([torch.ones(2)], file)
    with pytest.raises(CheckpointError, match="holds a list"):
        import_original(file)
    with pytest.raises(CheckpointError, match="no such file"):
        import_original(file.with_name("other.pth"))


def with_pickle(file: Path, content: bytes) -> None:
    """Put another pickle into an archive of torch.save."""
    with zipfile.ZipFile(file) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, old in records.items():
            archive.writestr(name, content if name.endswith("data.pkl") else old)


NESTED = b"\x80\x02}q\x00)" + b"q\x01h\x01\x86" * 60  # a tuple that holds the one before twice, and so on
KEY = {
    "key of a table": b"K\x01s.",
    "key of an ordered table": b"q\x02ccollections\nOrderedDict\n]h\x02K\x01\x86a\x85R.",
    "key of a storage": b"q\x02X\x07\x00\x00\x00storagectorch\nFloatStorage\nh\x02X\x03\x00\x00\x00cpuK\x01tQ.",
}


@pytest.mark.parametrize("where", list(KEY))
def test_tables_that_take_for_ever_to_hash_are_refused(file: Path, where: str) -> None:
    content = NESTED + KEY[where]
    with_pickle(file, content.replace(b"q\x02X\x07", b"q\x02(X\x07") if where == "key of a storage" else content)
    with pytest.raises(CheckpointError, match="too deep or too often"):
        import_original(file)


def test_a_function_with_a_crowd_of_colliding_keys_is_refused(file: Path) -> None:
    pairs = b"".join(b"G" + bytes(8) + b"N\x86" for _ in range(1000))
    with_pickle(file, b"\x80\x02ccollections\nOrderedDict\n](" + pairs + b"e\x85R.")
    with pytest.raises(CheckpointError, match="more arguments than a tensor needs"):
        import_original(file)


def test_a_tensor_that_repeats_one_number_without_end_is_refused(file: Path) -> None:
    content = torch.load(file, weights_only=True)
    content["policy"]["log_std"] = torch.zeros(1).expand(1, 10**12)
    torch.save(content, file)
    with pytest.raises(CheckpointError, match="log_std lacks numbers of its shape"):
        import_original(file)


def test_whatever_torch_raises_is_one_kind_of_error(file: Path, shared: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        whole = archive.read(next(name for name in archive.namelist() if name.endswith("data.pkl")))
    generator = torch.Generator().manual_seed(0)
    refused = 0
    for _ in range(400):
        content = bytearray(whole)
        for at in torch.randint(len(whole), (2,), generator=generator).tolist():
            content[at] = int(torch.randint(256, (1,), generator=generator))
        with_pickle(file, bytes(content))
        try:
            import_original(file)
        except CheckpointError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 200
    with pytest.raises(CheckpointError):
        import_original(shared / "fail" / "model-pth" / "m.pth")


def with_memory(shared: Path, folder: Path) -> Path:
    """The golden mixture with a gate that also sees which expert acted before, as KINESIS 2.0 has it."""
    content = torch.load(shared / "golden" / "kin_moe" / "model.pth", weights_only=True)
    first = "gate.0.affine_layers.0.weight"
    weight = content["policy"][first]
    more = torch.randn(weight.shape[0], 3, generator=torch.Generator().manual_seed(0), dtype=weight.dtype)
    content["policy"][first] = torch.cat([weight, more], 1)
    folder.mkdir()
    torch.save(content, folder / "model.pth")
    return folder / "model.pth"


def test_a_mixture_with_memory_plays_as_written_out(shared: Path, tmp_path: Path) -> None:
    file = with_memory(shared, tmp_path / "kin_moe_prev")
    weights = torch.load(file, weights_only=True)["policy"]
    mixture = import_original(file).policy
    assert isinstance(mixture, MixtureActor) and mixture.config.memory
    steps = torch.zeros(2, dtype=torch.int64)
    player = Remembering(mixture, lambda: steps)
    observed = torch.randn(6, 2, mixture.observation_width, generator=torch.Generator().manual_seed(1))
    previous = torch.zeros(2, 3)
    chosen = []
    for step, seen in enumerate(observed):
        if step == 4:  # the second body begins a new episode
            steps[:] = torch.tensor([4, 0])
            previous[1] = 0.0
        else:
            steps[:] = step
        x = ((seen - weights["norm.mean"]) / (weights["norm.std"] + 1e-8)).clamp(-5, 5)
        x = torch.cat([x, previous], 1)
        layer = 0
        while f"gate.0.affine_layers.{layer}.weight" in weights:
            stem = f"gate.0.affine_layers.{layer}."
            x = torch.nn.functional.silu(x @ weights[f"{stem}weight"].T + weights[f"{stem}bias"])
            layer += 1
        logits = x @ weights["gate.1.weight"].T + weights["gate.1.bias"]
        out = player(TensorDict({"observation": seen}, batch_size=[2]))
        torch.testing.assert_close(out["expert"], logits.argmax(-1))
        actions = mixture.expert_actions(seen)
        torch.testing.assert_close(out["action"], actions[torch.arange(2), out["expert"]])
        previous = torch.nn.functional.one_hot(out["expert"], 3).float()
        chosen.append(out["expert"])
    assert len(torch.stack(chosen).unique()) > 1
    again = load_policy(save_policy(tmp_path / "ours", mixture, body="myolegs"))
    out = again(TensorDict({"observation": observed[0], "previous_expert": previous}, batch_size=[2]))
    same = mixture(TensorDict({"observation": observed[0], "previous_expert": previous}, batch_size=[2]))
    torch.testing.assert_close(out["action"], same["action"])


def test_a_gate_of_another_width_is_refused(shared: Path, tmp_path: Path) -> None:
    file = with_memory(shared, tmp_path / "odd")
    content = torch.load(file, weights_only=True)
    first = "gate.0.affine_layers.0.weight"
    content["policy"][first] = content["policy"][first][:, :-1]
    torch.save(content, file)
    with pytest.raises(CheckpointError, match="the gate sees 2 numbers more than its 3 experts"):
        import_original(file)
