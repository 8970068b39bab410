"""Who may see and do what (github-api.md 6)."""

import base64

import jwt

from tests.simulator.driver import Stage, play

SEES_PRIVATE = ("personal:ada", "fine_grained:ada", "oauth:ben", "installation:1", "installation:2")
SEES_PUBLIC = ("personal:ben", "personal:carol", None)


def test_every_kind_is_on_offer_and_the_same_seed_gives_the_same_tokens():
    tokens: list[dict[str, str]] = []

    async def scene(stage: Stage) -> None:
        kinds = {item["kind"] for item in stage.credentials.values()}
        assert kinds == {"personal", "fine_grained", "oauth", "installation", "app_jwt"}
        tokens.append({k: v for k, v in stage.tokens.items() if k != "app_jwt"})

    play(scene)
    play(scene)
    play(scene, seed=2)
    assert tokens[0] == tokens[1]
    assert not set(tokens[0].values()) & set(tokens[2].values())


def test_tokens_have_githubs_shapes():
    async def scene(stage: Stage) -> None:
        for label, prefix, length in (
            ("personal:ada", "ghp_", 40),
            ("oauth:ben", "gho_", 40),
            ("fine_grained:ada", "github_pat_", 93),
            ("installation:1", "ghs_", 40),
            ("installation:2", "ghs_", 518),
        ):
            assert stage.tokens[label].startswith(prefix)
            assert len(stage.tokens[label]) == length

    play(scene)


def test_a_private_repository_is_not_there_for_who_may_not_see_it():
    async def scene(stage: Stage) -> None:
        for path in ("/repos/acme/jet-skates", "/repos/acme/jet-skates/issues/1"):
            for label in SEES_PRIVATE:
                assert (await stage.get(path, label)).status_code == 200, label
            for other in SEES_PUBLIC:
                refused = await stage.get(path, other)
                assert refused.status_code == 404
                assert refused.json()["message"] == "Not Found"
                assert refused.json()["status"] == "404"

    play(scene)


def test_lists_and_search_leave_out_what_may_not_be_seen():
    async def scene(stage: Stage) -> None:
        viewers: list[tuple[str | None, int]] = [
            ("personal:ada", 40),
            ("personal:ben", 30),
            (None, 30),
        ]
        for label, count in viewers:
            listed = await stage.get("/orgs/acme/repos?per_page=100", label)
            assert len(listed.json()) == count
            found = await stage.get("/search/repositories?q=org:acme&per_page=100", label)
            assert found.json()["total_count"] == count

    play(scene)


def test_two_viewers_of_one_target_never_get_each_others_content():
    async def scene(stage: Stage) -> None:
        for _ in range(2):
            for label, login in (("personal:ada", "ada"), ("personal:ben", "ben")):
                assert (await stage.get("/user", label)).json()["login"] == login
        refused = await stage.get("/user", None)
        assert refused.status_code == 401
        assert refused.json()["message"] == "Requires authentication"

    play(scene)


def test_a_token_works_in_every_scheme_but_a_jwt_only_as_bearer():
    async def scene(stage: Stage) -> None:
        token = stage.tokens["personal:ada"]
        basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        alone = base64.b64encode(f"{token}:x-oauth-basic".encode()).decode()
        for value in (
            f"Bearer {token}",
            f"bearer {token}",
            f"token {token}",
            f"Basic {basic}",
            f"Basic {alone}",
        ):
            answer = await stage.get("/user", None, Authorization=value)
            assert answer.json()["login"] == "ada", value
        app = stage.tokens["app_jwt"]
        assert (await stage.get("/app", None, Authorization=f"Bearer {app}")).status_code == 200
        assert (await stage.get("/app", None, Authorization=f"token {app}")).status_code == 401
        for value in ("Bearer", "Basic !!!", "Digest x", "Bearer ghp_unknown"):
            refused = await stage.get("/user", None, Authorization=value)
            assert refused.status_code == 401
            assert refused.json()["message"] == "Bad credentials"

    play(scene)


def test_a_jwt_is_verified_for_key_issuer_and_time():
    async def scene(stage: Stage) -> None:
        app = stage.credentials["app_jwt"]
        now = int(stage.simulator.site.clock.now())
        good = {"iat": now - 60, "exp": now + 300, "iss": str(app["app_id"])}

        async def message(claims, key=app["private_key"]):
            token = jwt.encode(claims, key, algorithm="RS256")
            answer = await stage.get("/app", None, Authorization=f"Bearer {token}")
            if answer.status_code == 200:
                return answer.json()["slug"]
            assert answer.status_code == 401
            assert "x-ratelimit-limit" not in answer.headers
            return answer.json()["message"]

        assert await message(good) == "road-runner"
        assert await message(good | {"iss": app["client_id"]}) == "road-runner"
        assert "'Issuer' claim" in await message(good | {"iss": "7"})
        assert "'Expiration time' claim" in await message(good | {"exp": now - 1})
        assert "'Expiration time' claim" in await message(good | {"exp": now + 700})
        assert "'Issued at' claim" in await message(good | {"iat": now + 600})
        forged = await stage.get("/app", None, Authorization="Bearer a.b.c")
        assert forged.json()["message"] == "A JSON web token could not be decoded"

    play(scene)


def test_a_jwt_sees_the_app_and_nothing_else():
    async def scene(stage: Stage) -> None:
        installation = stage.credentials["installation:1"]["installation_id"]
        listed = await stage.get("/app/installations", "app_jwt")
        assert [item["id"] for item in listed.json()] == [installation]
        for path in ("/repos/acme/jet-skates/installation", "/orgs/acme/installation"):
            found = await stage.get(path, "app_jwt")
            assert found.json()["id"] == installation
        assert (await stage.get("/repos/acme/no/installation", "app_jwt")).status_code == 404
        assert (await stage.get("/repos/acme/jet-skates", "app_jwt")).status_code == 404
        assert (await stage.get("/app", "personal:ada")).status_code == 401

    play(scene)


def test_a_minted_token_is_bounded_by_what_was_asked_for():
    async def scene(stage: Stage) -> None:
        installation = stage.credentials["installation:1"]["installation_id"]
        path = f"/app/installations/{installation}/access_tokens"
        scoping = {"repositories": ["jet-skates"], "permissions": {"issues": "read"}}
        minted = await stage.send("POST", path, "app_jwt", value=scoping)
        assert minted.status_code == 201
        value = minted.json()
        assert value["permissions"] == {"metadata": "read", "issues": "read"}
        assert value["repository_selection"] == "selected"
        assert [item["name"] for item in value["repositories"]] == ["jet-skates"]
        assert value["expires_at"].endswith("Z")
        bearer = {"Authorization": f"Bearer {value['token']}"}

        seen = await stage.get("/installation/repositories", None, **bearer)
        assert [item["name"] for item in seen.json()["repositories"]] == ["jet-skates"]
        assert (await stage.get("/repos/acme/jet-skates", None, **bearer)).status_code == 200
        hidden = "/repos/acme/do-it-yourself-tunnel/issues"
        repositories = (await stage.get("/orgs/acme/repos?type=private&per_page=100")).json()
        other = next(item for item in repositories if item["name"] != "jet-skates")
        hidden = f"/repos/{other['full_name']}"
        assert (await stage.get(hidden, None, **bearer)).status_code == 404
        write = await stage.send(
            "PATCH", "/repos/acme/jet-skates/issues/1", None, value={"title": "x"}, **bearer
        )
        assert write.status_code == 403
        assert write.json()["message"] == "Resource not accessible by integration"

    play(scene)


def test_minting_refuses_what_is_not_granted_and_what_is_not_there():
    async def scene(stage: Stage) -> None:
        installation = stage.credentials["installation:1"]["installation_id"]
        path = f"/app/installations/{installation}/access_tokens"
        for value in (
            {"permissions": {"administration": "write"}},
            {"permissions": {"members": "write"}},
            {"repositories": ["nothing"]},
            {"repository_ids": [1]},
        ):
            assert (await stage.send("POST", path, "app_jwt", value=value)).status_code == 422
        unknown = await stage.send("POST", "/app/installations/1/access_tokens", "app_jwt")
        assert unknown.status_code == 404
        broken = await stage.api.post(path, content=b"{", headers=stage.auth("app_jwt"))
        assert broken.status_code == 400

    play(scene)


def test_a_minted_token_is_long_unless_the_short_form_is_asked_for():
    async def scene(stage: Stage) -> None:
        installation = stage.credentials["installation:1"]["installation_id"]
        path = f"/app/installations/{installation}/access_tokens"
        long = await stage.send("POST", path, "app_jwt")
        assert len(long.json()["token"]) == 518
        short = await stage.send("POST", path, "app_jwt", X_GitHub_Stateless_S2S_Token="disabled")
        assert len(short.json()["token"]) == 40
        assert long.json()["repository_selection"] == "all"

    play(scene)


def test_an_installation_token_ends_after_an_hour_or_when_revoked():
    async def scene(stage: Stage) -> None:
        assert (
            await stage.send("DELETE", "/installation/token", "installation:2")
        ).status_code == 204
        assert (await stage.get("/zen", "installation:2")).status_code == 401
        assert (await stage.get("/zen", "installation:1")).status_code == 200
        await stage.order("PUT", "/clock", {"advance_seconds": 3601})
        assert (await stage.get("/zen", "installation:1")).status_code == 401
        token = stage.tokens["personal:ada"]
        await stage.order("DELETE", f"/credentials?token={token}")
        assert (await stage.get("/zen")).status_code == 401

    play(scene)


def test_who_may_read_may_not_yet_write():
    async def scene(stage: Stage) -> None:
        path = "/repos/acme/anvil/issues/1"
        for label, status in (
            ("personal:ada", 200),
            ("personal:ben", 200),
            ("fine_grained:ada", 200),
            ("installation:1", 200),
            ("personal:carol", 403),
            (None, 401),
        ):
            answer = await stage.send("PATCH", path, label, value={"state": "open"})
            assert answer.status_code == status, label

    play(scene)


def test_the_fields_about_a_credential_depend_on_its_kind():
    async def scene(stage: Stage) -> None:
        path = "/repos/acme/anvil"
        classic = (await stage.get(path)).headers
        assert classic["x-oauth-scopes"] == "read:org, repo, workflow"
        assert classic["x-accepted-oauth-scopes"] == "repo"
        assert classic["github-authentication-token-expiration"].endswith(" UTC")
        assert "x-accepted-github-permissions" not in classic
        oauth = (await stage.get(path, "oauth:ben")).headers
        assert oauth["x-oauth-client-id"].startswith("Iv23li")
        fine = (await stage.get(path, "fine_grained:ada")).headers
        assert fine["x-accepted-github-permissions"] == "metadata=read"
        assert "x-oauth-scopes" not in fine
        installation = (await stage.get(path, "installation:1")).headers
        assert installation["x-accepted-github-permissions"] == "metadata=read"
        assert "github-authentication-token-expiration" not in installation

    play(scene)
