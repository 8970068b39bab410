// go-github through the proxy: `clients read|write|errors`, with BASE_URL and TOKEN in the
// environment, prints what it got as JSON.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"

	"github.com/google/go-github/v57/github"
)

const owner, repo = "acme", "anvil"

func main() {
	base, err := url.Parse(os.Getenv("BASE_URL") + "/")
	check(err)
	client := github.NewClient(nil).WithAuthToken(os.Getenv("TOKEN"))
	client.BaseURL = base
	tasks := map[string]func(context.Context, *github.Client) any{
		"read": read, "write": write, "errors": failures,
	}
	check(json.NewEncoder(os.Stdout).Encode(tasks[os.Args[1]](context.Background(), client)))
}

// read asks for three things twice, so that the second time can be free.
func read(ctx context.Context, client *github.Client) any {
	var rounds []any
	for i := 0; i < 2; i++ {
		repository, first, err := client.Repositories.Get(ctx, owner, repo)
		check(err)
		options := &github.IssueListByRepoOptions{ListOptions: github.ListOptions{PerPage: 5}}
		issues, second, err := client.Issues.ListByRepo(ctx, owner, repo, options)
		check(err)
		diff, third, err := client.PullRequests.GetRaw(
			ctx, owner, repo, 10, github.RawOptions{Type: github.Diff})
		check(err)
		rounds = append(rounds, map[string]any{
			"repository": repository,
			"issues":     issues,
			"next_page":  second.NextPage,
			"diff":       diff,
			"limit":      second.Rate.Limit,
			"modes":      modes(first, second, third),
		})
	}
	return rounds
}

func modes(responses ...*github.Response) []string {
	var found []string
	for _, response := range responses {
		found = append(found, response.Header.Get("X-Cache-Mode"))
	}
	return found
}

func write(ctx context.Context, client *github.Client) any {
	request := &github.IssueRequest{Title: github.String("From Go"), Body: github.String("Hällo ☃")}
	issue, response, err := client.Issues.Create(ctx, owner, repo, request)
	check(err)
	comment, _, err := client.Issues.CreateComment(ctx, owner, repo, issue.GetNumber(),
		&github.IssueComment{Body: github.String("A comment.")})
	check(err)
	again, _, err := client.Issues.Get(ctx, owner, repo, issue.GetNumber())
	check(err)
	return map[string]any{
		"status":   response.StatusCode,
		"title":    again.GetTitle(),
		"body":     again.GetBody(),
		"comment":  comment.GetBody(),
		"comments": again.GetComments(),
	}
}

// failures says of which type each error is, and its status.
func failures(ctx context.Context, client *github.Client) any {
	_, _, missing := client.Repositories.Get(ctx, owner, "no-such-repository")
	_, _, invalid := client.Issues.Create(ctx, owner, repo, &github.IssueRequest{})
	return []any{described(missing), described(invalid)}
}

func described(err error) any {
	failure, is := err.(*github.ErrorResponse)
	if !is {
		return fmt.Sprintf("%T", err)
	}
	return map[string]any{
		"type":    fmt.Sprintf("%T", err),
		"status":  failure.Response.StatusCode,
		"message": failure.Message,
		"url":     failure.DocumentationURL,
		"json":    failure.Response.Header.Get("Content-Type") == "application/json; charset=utf-8",
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
