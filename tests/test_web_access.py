"""Who may use a page of this machine."""

import pytest

from kinesis_trl.web_access import Request, WebAccess

PORT = 8080


def ask(access, target=None, host="127.0.0.1:8080", origin=None, cookie=None):
    target = f"/?token={access.token}" if target is None else target
    lists = ([value] if value is not None else [] for value in (host, origin, cookie))
    return access.refusal(Request(target, *lists), PORT)


@pytest.fixture
def access():
    return WebAccess()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_this_machine_is_let_in_with_the_token_or_its_cookie(access, name):
    host = f"{name}:{PORT}"
    assert ask(access, host=host) == "" == ask(access, host=host, origin=f"http://{host}")
    kept = access.headers(PORT)["Set-Cookie"].split(";")[0]
    assert ask(access, "/", host=host, origin=f"http://{host}", cookie=f'a="x\\"; {kept}; b=1') == ""
    assert access.token in access.url(PORT) and "SameSite=Strict" in access.headers(PORT)["Set-Cookie"]


@pytest.mark.parametrize(
    "host",
    ["evil.example:8080", "127.0.0.1:8081", "127.0.0.1", "127.0.0.1.evil.example:8080", "x@127.0.0.1:8080", "", "[::1",
     "127.0.0.1:99999999", "127.0.0.1:8080/", "127.0.0.1:8080, evil.example", "localhost.:8080", "10.0.0.7:8080"],
)  # fmt: skip
def test_another_host_is_refused_even_with_the_token(access, host):
    assert "Host" in ask(access, host=host)


def test_no_host_and_two_hosts_are_refused(access):
    for hosts in ([], ["127.0.0.1:8080"] * 2):
        assert "Host" in access.refusal(Request(f"/?token={access.token}", hosts, [], []), PORT)


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "http://127.0.0.1:3000", "null", "http://localhost:8080", "file://", "",
     "http://127.0.0.1:8080.evil.example"],
)  # fmt: skip
def test_another_origin_is_refused_even_with_the_token(access, origin):
    assert "Origin" in ask(access, origin=origin)


@pytest.mark.parametrize("target", ["/", "/?token=", "/?token=x", "/?Token=%s", "//[?token=", "/?" + "a=1&" * 5000])
def test_no_token_is_refused(access, target):
    assert "token" in ask(access, target)
    assert "token" in ask(access, target, cookie="kinesis_8080=x; kinesis_8081=" + access.token)


def test_every_start_has_a_token_of_its_own(access):
    assert len(access.token) >= 32 and WebAccess().token != access.token and access.token not in repr(access)


def test_a_server_for_all_addresses_takes_numbers_but_no_names():
    access = WebAccess("0.0.0.0")
    assert ask(access, host="10.0.0.7:8080") == "" and ask(access, host="[fe80::1]:8080") == ""
    assert "Host" in ask(access, host="evil.example:8080")
    assert access.url(PORT).startswith("http://127.0.0.1:8080/?token=")
    assert WebAccess("::1").url(PORT).startswith("http://[::1]:8080/")
