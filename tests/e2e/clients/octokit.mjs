// octokit through the proxy: `node octokit.mjs read|write|errors`, with BASE_URL and TOKEN in the
// environment, prints what it got as JSON.
import { Octokit } from "octokit";

const { BASE_URL: baseUrl, TOKEN: auth } = process.env;
const octokit = new Octokit({
  auth,
  baseUrl,
  log: { debug() {}, info() {}, warn() {}, error() {} },
  retry: { enabled: false },
  throttle: { enabled: false },
});
const repository = { owner: "acme", repo: "anvil" };

/** Three things twice, so that the second time can be free. */
async function read() {
  const rounds = [];
  for (let round = 0; round < 2; round++) {
    const got = await octokit.rest.repos.get(repository);
    const issues = await octokit.rest.issues.listForRepo({ ...repository, per_page: 5 });
    const diff = await octokit.rest.pulls.get({
      ...repository,
      pull_number: 10,
      mediaType: { format: "diff" },
    });
    const answers = [got, issues, diff];
    rounds.push({
      contents: answers.map((answer) => answer.data),
      link: issues.headers.link,
      modes: answers.map((answer) => answer.headers["x-cache-mode"]),
    });
  }
  const first = await octokit.paginate.iterator("GET /orgs/{org}/repos", { org: "acme" })
    [Symbol.asyncIterator]().next();
  return { rounds, page: first.value.data };
}

async function write() {
  const made = await octokit.rest.issues.create({ ...repository, title: "From JS", body: "Hällo ☃" });
  const issue = { ...repository, issue_number: made.data.number };
  const comment = await octokit.rest.issues.createComment({ ...issue, body: "A comment." });
  const again = await octokit.rest.issues.get(issue);
  const { viewer } = await octokit.graphql("query { viewer { login } }");
  return {
    status: made.status,
    title: again.data.title,
    body: again.data.body,
    comment: comment.data.body,
    comments: again.data.comments,
    login: viewer.login,
  };
}

async function errors() {
  const attempts = [
    () => octokit.rest.repos.get({ owner: "acme", repo: "no-such-repository" }),
    () => octokit.rest.issues.create({ ...repository, title: undefined }),
    () => octokit.graphql("query { noSuchField }"),
  ];
  const described = [];
  for (const attempt of attempts) {
    try {
      described.push({ unexpected: (await attempt()).status ?? null });
    } catch (error) {
      described.push({ type: error.name, status: error.status ?? null, message: error.message });
    }
  }
  return described;
}

console.log(JSON.stringify(await { read, write, errors }[process.argv[2]]()));
