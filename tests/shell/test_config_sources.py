"""Command line, environment, file, default: which one wins, and what each must look like."""

from pathlib import Path

import pytest

from ghproxy.config import OPTIONS, Configuration, StartError, configure, read_command_line

SERVICE_LINKS = {
    "GHPROXY_SERVICE_HOST": "10.0.0.1",
    "GHPROXY_SERVICE_PORT": "80",
    "GHPROXY_SERVICE_PORT_MAIN": "80",
    "GHPROXY_SERVICE_PORT_METRICS": "9090",
    "GHPROXY_PORT": "tcp://10.0.0.1:80",
    "GHPROXY_PORT_80_TCP": "tcp://10.0.0.1:80",
    "GHPROXY_PORT_80_TCP_PROTO": "tcp",
    "GHPROXY_PORT_80_TCP_PORT": "80",
    "GHPROXY_PORT_80_TCP_ADDR": "10.0.0.1",
    "GHPROXY_REDIS_SERVICE_HOST": "10.0.0.2",
    "GHPROXY_REDIS_PORT": "tcp://10.0.0.2:6379",
    "GHPROXY_REDIS_PORT_6379_TCP_ADDR": "10.0.0.2",
    "GHPROXY_METRICS_PORT": "tcp://10.0.0.3:9090",
    "GHPROXY_HEALTH_PORT": "udp://10.0.0.3:9",
}


def read(*arguments: str, environment: dict[str, str] | None = None) -> Configuration:
    return configure(read_command_line(arguments), environment or {})


def problems(*arguments: str, environment: dict[str, str] | None = None) -> tuple[str, ...]:
    with pytest.raises(StartError) as caught:
        read(*arguments, environment=environment)
    return caught.value.problems


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ghproxy.toml"


def test_the_order_is_command_line_environment_file_default(file):
    file.write_text("port = 1\nmetrics-port = 2\nhealth-port = 3")
    environment = {
        "GHPROXY_CONFIG": str(file),
        "GHPROXY_PORT": "11",
        "GHPROXY_METRICS_PORT": "12",
    }
    configuration = read("--port=21", environment=environment)
    chosen = {name: (it.value, it.source, it.place) for name, it in configuration.choices.items()}
    assert chosen["port"] == (21, "command line", "")
    assert chosen["metrics-port"] == (12, "environment", "GHPROXY_METRICS_PORT")
    assert chosen["health-port"] == (3, "file", str(file))
    assert chosen["concurrency"] == (25, "default", "")
    assert chosen["config"] == (str(file), "environment", "GHPROXY_CONFIG")


def test_the_last_one_of_the_command_line_wins():
    assert read("--port=1", "--port=2").settings.listen.port == 2


def test_the_file_of_the_command_line_is_read_and_not_that_of_the_environment(file):
    file.write_text("port = 1")
    environment = {"GHPROXY_CONFIG": "/does/not/exist"}
    assert read("--config", str(file), environment=environment).settings.listen.port == 1


def test_only_the_last_file_of_the_command_line_is_read(file):
    file.write_text("port = 1")
    assert read("--config=/does/not/exist", f"--config={file}").settings.listen.port == 1


def test_every_choice_is_listed_in_the_order_of_the_table():
    assert list(read().choices) == [option.name for option in OPTIONS]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_has_a_variable_named_after_it(option):
    assert option.variable == "GHPROXY_" + option.name.upper().replace("-", "_")


def test_the_size_of_the_cache_keeps_its_name_in_the_environment():
    environment = {"GHPROXY_CACHE_DIR": "/c", "GHPROXY_CACHE_SIZEGB": "2"}
    cache = read(environment=environment).settings.cache
    assert (cache.directory, cache.disk_limit_bytes) == (Path("/c"), 2_000_000_000)


def test_an_empty_variable_is_not_set():
    assert read(environment={"GHPROXY_PORT": ""}).choices["port"].source == "default"


def test_variables_that_kubernetes_makes_of_services_never_disturb():
    configuration = read(environment=SERVICE_LINKS)
    assert configuration.settings == read().settings
    assert configuration.notices == ()


def test_a_variable_of_ours_is_not_taken_for_a_service_link():
    assert problems(environment={"GHPROXY_PORT": "10.0.0.1:80"})
    assert problems(environment={"GHPROXY_CACHE_DIR": "tcp://10.0.0.1:80"})


def test_an_unknown_variable_is_told_with_the_nearest_name_and_without_its_value():
    environment = {"GHPROXY_PROT": "SECRET", "GHPROXY_QQQQ": "SECRET", "PATH": "/bin"}
    assert read(environment=environment).notices == (
        "unknown environment variable GHPROXY_PROT is ignored; did you mean GHPROXY_PORT?",
        "unknown environment variable GHPROXY_QQQQ is ignored",
    )


def test_a_file_uses_the_types_of_toml(file):
    file.write_text(
        'cache-dir = "/c"\ncache-sizeGB = 0.5\nserve-metrics = true\nport = 0x10\n'
        'upstream-total-timeout = "90s"\nmemory-sizeMB = 10\n'
    )
    configuration = read("--config", str(file))
    assert configuration.settings.cache.disk_limit_bytes == 500_000_000
    assert configuration.settings.cache.memory_limit_bytes == 10_000_000
    assert configuration.settings.listen.port == 16
    assert configuration.settings.upstream.total_timeout_seconds == 90
    assert configuration.choices["serve-metrics"].value is True


def test_a_file_may_begin_with_a_byte_order_mark(file):
    file.write_bytes(b"\xef\xbb\xbfport = 1")
    assert read("--config", str(file)).settings.listen.port == 1


@pytest.mark.parametrize(
    ("line", "written", "needed"),
    [
        ('port = "1"', "a string", "a whole number"),
        ("port = 1.0", "a number", "a whole number"),
        ("port = true", "a boolean", "a whole number"),
        ("serve-metrics = 1", "a whole number", "a boolean"),
        ("upstream-total-timeout = 30", "a whole number", "a string"),
        ("host = ['a']", "an array", "a string"),
        ("host.name = 'a'", "a table", "a string"),
        ("host = 2000-01-01", "a date or time", "a string"),
        ("cache-sizeGB = '1'", "a string", "a number"),
    ],
)
def test_a_wrong_type_in_a_file_is_told_with_key_and_file(file, line, written, needed):
    file.write_text(line)
    key = line.replace(".", " ").split()[0]
    (problem,) = problems("--config", str(file))
    what = f"--{key} (key in {file}): {written} was written where {needed} is needed; allowed: "
    assert problem.startswith(what)


def test_a_value_that_is_not_allowed_is_told_with_its_source(file):
    file.write_text("port = 70000")
    environment = {"GHPROXY_CONCURRENCY": "many"}
    allowed = "allowed: a whole number from 0 to 65535 (0 takes any free port)"
    file_problem, variable_problem, argument_problem = problems(
        "--config", str(file), "--health-port=x", environment=environment
    )
    assert file_problem == f'--port (key in {file}): "70000" is out of range; {allowed}'
    assert variable_problem == (
        '--concurrency (environment variable GHPROXY_CONCURRENCY): "many" is not a whole number; '
        "allowed: a whole number from 1 to 1000000"
    )
    assert argument_problem == f'--health-port: "x" is not a whole number; {allowed}'


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("prot = 1", 'unknown key "prot"; did you mean "port"?'),
        ("cache_dir = '/c'", 'unknown key "cache_dir"; did you mean "cache-dir"?'),
        ("qqqq = 1", 'unknown key "qqqq"'),
        ("config = 'x'", "a file cannot name another file"),
        ("[cache]\ndir = 'x'", 'unknown table "cache"; options stand at the top'),
        ("port = 1\nhost = = 2", "is not TOML: Invalid value (at line 2, column 8)"),
        ("port = 1\nport = 2\n", "is not TOML: Cannot overwrite a value (at line 2"),
        ("a = " + "[" * 5000, "holds what no option can mean"),
        ("a = " + "9" * 5000, "holds what no option can mean"),
    ],
)
def test_a_mistake_in_a_file_is_told_with_its_place(file, text, what):
    file.write_text(text)
    (problem,) = problems("--config", str(file))
    assert problem.startswith("--config: ")
    assert f"{file}" in problem
    assert what in problem


def test_a_file_that_is_not_utf_8_is_told(file):
    file.write_bytes(b"host = '\xff'")
    assert problems("--config", str(file)) == (f"--config: {file} is not UTF-8",)


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    assert problems("--config", str(tmp_path)) == (
        f"--config: cannot read {tmp_path}: Is a directory",
    )
    (problem,) = problems(environment={"GHPROXY_CONFIG": "/does/not/exist"})
    assert problem == "--config: cannot read /does/not/exist: No such file or directory"


def test_a_file_name_that_is_none_is_reported_once():
    (problem,) = problems("--config", "a\nb")
    assert problem == (
        "--config: it holds a control character or is not UTF-8; "
        "allowed: a TOML file that can be read"
    )


def test_mistakes_of_all_sources_are_reported_together(file):
    file.write_text("prot = 1")
    told = problems(
        "--config", str(file), "--qqqq", "--port=x", environment={"GHPROXY_CONCURRENCY": "0"}
    )
    assert len(told) == 4


def test_a_value_is_judged_even_where_another_source_overrules_it():
    (problem,) = problems("--port=1", environment={"GHPROXY_PORT": "x"})
    assert "GHPROXY_PORT" in problem
