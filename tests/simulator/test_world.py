"""What exists, how it is listed, and how writes change it."""

from tests.simulator.driver import PLAIN, Stage, play


def test_the_same_seed_gives_the_same_world_and_another_seed_another():
    states: list[object] = []

    async def scene(stage: Stage) -> None:
        state = await stage.order("GET", "/")
        assert len(state["repositories"]) == 40
        assert sum(item["private"] for item in state["repositories"]) == 10
        states.append(state["repositories"])

    play(scene)
    play(scene)
    play(scene, seed=7)
    assert states[0] == states[1] != states[2]


def test_lists_come_in_pages_of_thirty_and_at_most_a_hundred():
    async def scene(stage: Stage) -> None:
        path = "/repos/acme/anvil/issues?state=all"
        for extra, count in (
            ("", 30),
            ("&per_page=7", 7),
            ("&per_page=1000", 100),
            ("&per_page=0", 30),
            ("&per_page=x", 30),
            ("&per_page=100&page=3", 50),
            ("&per_page=100&page=4", 0),
        ):
            assert len((await stage.get(path + extra)).json()) == count, extra

    play(scene)


def test_link_goes_by_id_echoes_parameters_and_orders_its_relations():
    async def scene(stage: Stage) -> None:
        found = (await stage.get("/repos/acme/anvil")).json()["id"]
        stem = f"<{stage.simulator.api_url}/repositories/{found}/issues?state=all&per_page=50"
        path = "/repos/acme/anvil/issues?state=all&page={}&per_page=50"
        first = (await stage.get(path.format(1))).headers["link"]
        assert first == f'{stem}&page=2>; rel="next", {stem}&page=5>; rel="last"'
        middle = (await stage.get(path.format(3))).headers["link"]
        assert middle == (
            f'{stem}&page=2>; rel="prev", {stem}&page=4>; rel="next", '
            f'{stem}&page=5>; rel="last", {stem}&page=1>; rel="first"'
        )
        last = (await stage.get(path.format(5))).headers["link"]
        assert last == f'{stem}&page=4>; rel="prev", {stem}&page=1>; rel="first"'
        single = await stage.get("/repos/acme/anvil/labels")
        assert "link" not in single.headers

    play(scene)


def test_following_next_visits_everything_once():
    async def scene(stage: Stage) -> None:
        numbers: list[int] = []
        path = "/repos/acme/anvil/issues?state=all&per_page=100"
        while path:
            answer = await stage.get(path)
            numbers += [item["number"] for item in answer.json()]
            path = answer.links.get("next", {}).get("url", "")
        assert sorted(numbers) == list(range(1, 251))

    play(scene)


def test_a_repository_answers_by_name_in_any_case_and_by_id():
    async def scene(stage: Stage) -> None:
        found = await stage.get("/repos/acme/anvil")
        number = found.json()["id"]
        for path in ("/repos/ACME/Anvil", f"/repositories/{number}"):
            assert (await stage.get(path)).json() == found.json()
        organization = (await stage.get("/orgs/acme")).json()["id"]
        by_id = await stage.get(f"/organizations/{organization}/repos")
        assert by_id.json() == (await stage.get("/orgs/acme/repos")).json()

    play(scene)


def test_a_renamed_repository_redirects_reads_with_301_and_writes_with_307():
    async def scene(stage: Stage) -> None:
        number = (await stage.get("/repos/acme/anvil")).json()["id"]
        base = f"{stage.simulator.api_url}/repositories/{number}"
        for path, tail in (
            ("/repos/acme/old-anvil", ""),
            ("/repos/acme/old-anvil/issues?state=all", "/issues?state=all"),
        ):
            moved = await stage.get(path)
            assert moved.status_code == 301
            assert moved.headers["location"] == base + tail
            assert moved.json()["message"] == "Moved Permanently"
            assert "etag" not in moved.headers
            assert "cache-control" not in moved.headers
        write = await stage.send("PATCH", "/repos/acme/old-anvil/issues/1", value={})
        assert write.status_code == 307
        assert write.headers["location"] == f"{base}/issues/1"

    play(scene)


def test_renaming_makes_the_old_name_redirect():
    async def scene(stage: Stage) -> None:
        await stage.get("/repos/acme/glue")
        order = {"repository": "acme/glue", "name": "paste"}
        await stage.order("POST", "/rename", order)
        assert (await stage.get("/repos/acme/glue")).status_code == 301
        assert (await stage.get("/repos/acme/paste")).json()["full_name"] == "acme/paste"

    play(scene)


def test_former_names_of_private_repositories_tell_nothing():
    async def scene(stage: Stage) -> None:
        await stage.order("POST", "/rename", {"repository": "acme/jet-skates", "name": "skates"})
        assert (await stage.get("/repos/acme/jet-skates")).status_code == 301
        assert (await stage.get("/repos/acme/jet-skates", None)).status_code == 404

    play(scene)


def test_there_are_empty_lists_and_an_empty_repository():
    async def scene(stage: Stage) -> None:
        for path in (
            "/repos/acme/empty/issues",
            "/repos/acme/empty/labels",
            "/repos/acme/anvil/pulls/10/reviews",
            "/orgs/acme/teams",
        ):
            answer = await stage.get(path, **PLAIN)
            assert answer.content == b"[]"
            assert "link" not in answer.headers
        assert (await stage.get("/repos/acme/empty/commits")).status_code == 409
        assert (await stage.get("/repos/acme/empty/git/refs")).status_code == 409

    play(scene)


def test_an_issue_can_be_made_changed_and_commented():
    async def scene(stage: Stage) -> None:
        path = "/repos/acme/empty/issues"
        assert (await stage.get(path)).json() == []
        made = await stage.send("POST", path, value={"title": "Fell", "body": "Far."})
        assert made.status_code == 201
        assert made.headers["etag"].startswith('"')
        assert made.headers["location"].endswith("/repos/acme/empty/issues/1")
        assert [item["title"] for item in (await stage.get(path)).json()] == ["Fell"]

        comment = await stage.send("POST", f"{path}/1/comments", value={"body": "Ouch."})
        assert comment.status_code == 201
        assert (await stage.get(f"{path}/1")).json()["comments"] == 1
        edited = await stage.send(
            "PATCH", f"{path}/comments/{comment.json()['id']}", value={"body": "Ow."}
        )
        assert edited.json()["body"] == "Ow."
        assert [item["body"] for item in (await stage.get(f"{path}/1/comments")).json()] == ["Ow."]

        closed = await stage.send("PATCH", f"{path}/1", value={"state": "closed", "title": "Rose"})
        assert (closed.json()["state"], closed.json()["title"]) == ("closed", "Rose")
        assert (await stage.get(path)).json() == []
        gone = await stage.send("DELETE", f"{path}/comments/{comment.json()['id']}")
        assert gone.status_code == 204
        assert (await stage.get(f"{path}/1/comments")).json() == []

    play(scene)


def test_labels_can_be_made_changed_put_on_and_taken_off():
    async def scene(stage: Stage) -> None:
        labels, issue = "/repos/acme/anvil/labels", "/repos/acme/anvil/issues/1/labels"
        made = await stage.send("POST", labels, value={"name": "steep", "color": "ff0000"})
        assert made.status_code == 201
        again = await stage.send("POST", labels, value={"name": "Steep"})
        assert again.status_code == 422
        assert again.json()["errors"][0]["code"] == "already_exists"
        put = await stage.send("PUT", issue, value={"labels": ["steep"]})
        assert [item["name"] for item in put.json()] == ["steep"]
        added = await stage.send("POST", issue, value=["bug", "steep"])
        assert [item["name"] for item in added.json()] == ["steep", "bug"]
        await stage.send("PATCH", f"{labels}/steep", value={"new_name": "sheer"})
        assert (await stage.get(issue)).json()[0]["name"] == "sheer"
        left = await stage.send("DELETE", f"{issue}/bug")
        assert [item["name"] for item in left.json()] == ["sheer"]
        assert (await stage.send("DELETE", f"{issue}/bug")).status_code == 404
        assert (await stage.send("DELETE", f"{labels}/sheer")).status_code == 204
        assert (await stage.get(issue)).json() == []
        assert (await stage.get(f"{labels}/good%20first%20issue")).status_code == 200

    play(scene)


def test_refs_can_be_made_moved_and_deleted():
    async def scene(stage: Stage) -> None:
        refs = "/repos/acme/anvil/git/refs"
        commits = (await stage.get("/repos/acme/anvil/commits")).json()
        made = await stage.send(
            "POST", refs, value={"ref": "refs/heads/new", "sha": commits[1]["sha"]}
        )
        assert made.status_code == 201
        moved = await stage.send("PATCH", f"{refs}/heads/new", value={"sha": commits[0]["sha"]})
        assert moved.json()["object"]["sha"] == commits[0]["sha"]
        branch = await stage.get("/repos/acme/anvil/branches/new")
        assert branch.json()["commit"]["sha"] == commits[0]["sha"]
        assert (await stage.send("DELETE", f"{refs}/heads/new")).status_code == 204
        assert (await stage.get("/repos/acme/anvil/branches/new")).status_code == 404
        bad = await stage.send("POST", refs, value={"ref": "refs/heads/new", "sha": "0" * 40})
        assert bad.status_code == 422

    play(scene)


def test_a_pull_request_is_json_diff_or_patch_on_one_address():
    async def scene(stage: Stage) -> None:
        path = "/repos/acme/anvil/pulls/10"
        shown = await stage.get(path)
        assert shown.json()["head"]["ref"] == "part-10"
        assert shown.headers["x-github-media-type"] == "github.v3; format=json"
        diff = await stage.get(path, Accept="application/vnd.github.v3.diff")
        assert diff.text.startswith("diff --git a/README.md b/README.md\n")
        assert diff.headers["content-type"] == "application/vnd.github.diff; charset=utf-8"
        assert diff.headers["x-github-media-type"] == "github.v3; param=diff"
        patch = await stage.get(path, Accept="application/vnd.github.patch")
        assert patch.text.startswith(f"From {shown.json()['head']['sha']} ")
        assert len({item.headers["etag"] for item in (shown, diff, patch)}) == 3
        listed = await stage.get("/repos/acme/anvil/pulls?state=all")
        assert 10 in {item["number"] for item in listed.json()}
        assert (await stage.get("/repos/acme/anvil/pulls/1")).status_code == 404

    play(scene)


def test_a_commit_can_be_asked_for_as_its_name_alone():
    async def scene(stage: Stage) -> None:
        path = "/repos/acme/anvil/commits/main"
        shown = (await stage.get(path)).json()
        alone = await stage.get(path, Accept="application/vnd.github.sha", **PLAIN)
        assert alone.text == shown["sha"]
        assert alone.headers["etag"] == f'"{shown["sha"]}"'
        by_prefix = await stage.get(f"/repos/acme/anvil/commits/{shown['sha'][:10]}")
        assert by_prefix.json()["sha"] == shown["sha"]
        assert (await stage.get("/repos/acme/anvil/commits/nope")).status_code == 422

    play(scene)


def test_what_hangs_on_a_commit_is_found_by_any_name_of_it():
    async def scene(stage: Stage) -> None:
        path = "/repos/acme/anvil/commits/feature/x"
        sha = (await stage.get(path)).json()["sha"]
        assert (await stage.get(f"{path}/status")).json()["sha"] == sha
        assert (await stage.get(f"{path}/check-runs")).json()["total_count"] == 0
        assert (await stage.get(f"{path}/statuses")).json() == []
        pulls = (await stage.get("/repos/acme/anvil/commits/part-10/pulls")).json()
        assert [item["number"] for item in pulls] == [10]
        protection = await stage.get("/repos/acme/anvil/branches/feature/x/protection")
        assert protection.json()["message"] == "Branch not protected"

    play(scene)


def test_names_with_slashes_are_one_name():
    async def scene(stage: Stage) -> None:
        assert (await stage.get("/repos/acme/anvil/branches/feature/x")).json()["name"] == (
            "feature/x"
        )
        ref = await stage.get("/repos/acme/anvil/git/ref/heads/feature/x")
        assert ref.json()["ref"] == "refs/heads/feature/x"
        nested = await stage.get("/repos/acme/anvil/contents/src/main.py")
        assert nested.json()["path"] == "src/main.py"

    play(scene)


def test_search_knows_qualifiers_and_words():
    async def scene(stage: Stage) -> None:
        found = await stage.get("/search/issues?q=repo:acme/anvil+is:pr+is:open&per_page=5")
        value = found.json()
        assert value["total_count"] > 5
        assert len(value["items"]) == 5
        assert all("pull_request" in item for item in value["items"])
        assert (
            "/search/issues?q=repo:acme/anvil+is:pr+is:open&per_page=5&page=2"
            in (found.links["next"]["url"])
        )
        assert (await stage.get("/search/issues")).status_code == 422

    play(scene)


def test_graphql_answers_what_it_knows_and_errors_come_as_200():
    async def scene(stage: Stage) -> None:
        query = (
            "query Q($n: Int = 3) { me: viewer { login } rateLimit(dryRun: true) { cost used } }"
        )
        answer = await stage.send("POST", "/graphql", value={"query": query})
        assert answer.json() == {
            "data": {"me": {"login": "ada"}, "rateLimit": {"cost": 1, "used": 1}}
        }
        for broken in ("{nothing}", "{viewer{nothing}}", "{viewer", ""):
            wrong = await stage.send("POST", "/graphql", value={"query": broken})
            assert wrong.status_code == 200
            assert wrong.json()["errors"]
        assert (await stage.send("POST", "/api/graphql", value={"query": query})).status_code == 200
        anonymous = await stage.send("POST", "/graphql", None, value={"query": query})
        assert anonymous.status_code == 403
        assert anonymous.headers["x-ratelimit-limit"] == "0"

    play(scene)


def test_the_enterprise_prefix_is_understood_and_kept_in_addresses():
    async def scene(stage: Stage) -> None:
        answer = await stage.get("/api/v3/repos/acme/anvil/issues")
        base = f"{stage.simulator.api_url}/api/v3/"
        assert answer.json()[0]["url"].startswith(base)
        assert answer.links["next"]["url"].startswith(base)

    play(scene)


def test_what_is_not_known_is_a_404_and_is_listed():
    async def scene(stage: Stage) -> None:
        unknown = await stage.get("/repos/acme/anvil/unheard-of")
        assert unknown.status_code == 404
        assert unknown.json() == {
            "message": "Not Found",
            "documentation_url": "https://docs.github.com/rest",
            "status": "404",
        }
        assert (await stage.get("/user/")).status_code == 404
        await stage.send("POST", "/zen")
        await stage.get("/repos/acme/anvil/unheard-of")
        assert await stage.order("GET", "/unknown") == [
            {"method": "GET", "path": "/repos/acme/anvil/unheard-of", "count": 2},
            {"method": "GET", "path": "/user/", "count": 1},
            {"method": "POST", "path": "/zen", "count": 1},
        ]

    play(scene)


def test_content_that_is_no_json_is_a_400_and_a_missing_field_a_422():
    async def scene(stage: Stage) -> None:
        path = "/repos/acme/anvil/issues"
        broken = await stage.api.post(path, content=b"{", headers=stage.auth("personal:ada"))
        assert broken.status_code == 400
        assert broken.json()["message"] == "Problems parsing JSON"
        missing = await stage.send("POST", path, value={"body": "x"})
        assert missing.status_code == 422
        assert missing.json()["errors"] == [
            {"resource": "Issue", "code": "missing_field", "field": "title"}
        ]

    play(scene)


def test_a_change_behind_the_clients_back_changes_the_tag():
    async def scene(stage: Stage) -> None:
        path = "/repos/acme/anvil/issues/7"
        before = await stage.get(path)
        order = {"repository": "acme/anvil", "issue": 7, "title": "Other"}
        await stage.order("PATCH", "/world", order)
        after = await stage.get(path, If_None_Match=before.headers["etag"])
        assert after.status_code == 200
        assert after.json()["title"] == "Other"
        other = await stage.get("/repos/acme/glue/issues/1")
        await stage.order("PATCH", "/world", order)
        current = await stage.get("/repos/acme/glue/issues/1", If_None_Match=other.headers["etag"])
        assert current.status_code == 304

    play(scene)


def test_a_repository_made_private_disappears_at_once():
    async def scene(stage: Stage) -> None:
        path = "/repos/acme/glue/issues"
        assert (await stage.get(path, None)).status_code == 200
        await stage.order("PATCH", "/world", {"repository": "acme/glue", "private": True})
        assert (await stage.get(path, None)).status_code == 404
        assert (await stage.get(path)).status_code == 200

    play(scene)
