package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// handler answers one case; it may panic, as etcd does on impossible input.
type handler func(t *testing.T, d datadriven.TestData) string

var handlers = map[string]func() handler{
	"raft":       interactionHandler,
	"quorum":     func() handler { return answerQuorum },
	"confchange": confChangeHandler,
}

// answerScenario returns the text with every expected part replaced. If etcd panics, it returns
// the text before that directive and the reason. An error is a file that cannot be read.
func answerScenario(kind, text string) (answer, panicked string, err error) {
	newHandler, ok := handlers[kind]
	if !ok {
		return "", "", fmt.Errorf("no scenarios of kind %q", kind)
	}
	done := make(chan result, 1)
	// On a goroutine of its own, because a failed check of the harness ends the goroutine.
	go func() {
		var out strings.Builder
		isDone := false
		defer func() {
			reason := ""
			if r := recover(); r != nil {
				reason = fmt.Sprint(r)
			} else if !isDone {
				reason = "the harness refused the directive"
			}
			done <- result{out.String(), reason, err}
		}()
		err = answerCases(text, newHandler(), &out)
		isDone = true
	}()
	r := <-done
	return r.answer, r.panicked, r.err
}

type result struct {
	answer, panicked string
	err              error
}

func answerCases(text string, handle handler, out *strings.Builder) error {
	lines := strings.Split(text, "\n")
	at := 0
	for at < len(lines) {
		first := at
		directive := strings.TrimSpace(lines[at])
		at++
		if directive == "" || strings.HasPrefix(directive, "#") {
			if at < len(lines) || directive != "" { // not the piece after the last line break
				out.WriteString(lines[first] + "\n")
			}
			continue
		}
		for strings.HasSuffix(directive, `\`) && at < len(lines) {
			directive = strings.TrimSuffix(directive, `\`) + " " + strings.TrimSpace(lines[at])
			at++
		}
		inputAt := at
		for at < len(lines) && lines[at] != "----" {
			at++
		}
		if at == len(lines) {
			return fmt.Errorf("line %d: no ---- after %q", first+1, directive)
		}
		cmd, args, err := datadriven.ParseLine(directive)
		if err != nil {
			return err
		}
		input := strings.TrimSpace(strings.Join(lines[inputAt:at], "\n"))
		d := datadriven.TestData{Pos: fmt.Sprint(first + 1), Cmd: cmd, CmdArgs: args, Input: input}
		answer := handle(&testing.T{}, d)
		head := strings.Join(lines[first:at], "\n")
		at = afterExpected(lines, at+1)
		out.WriteString(head + "\n" + expectedText(answer))
	}
	return nil
}

// afterExpected is the line after an expected part and the blank line that ends it.
func afterExpected(lines []string, at int) int {
	if at < len(lines) && lines[at] == "----" {
		for at++; at+1 < len(lines); at++ {
			if lines[at] == "----" && lines[at+1] == "----" {
				return min(at+3, len(lines))
			}
		}
		return len(lines)
	}
	for at < len(lines) && strings.TrimSpace(lines[at]) != "" {
		at++
	}
	return min(at+1, len(lines))
}

func expectedText(answer string) string {
	if answer != "" && !strings.HasSuffix(answer, "\n") {
		answer += "\n"
	}
	for _, line := range strings.Split(strings.TrimSuffix(answer, "\n"), "\n") {
		if answer != "" && strings.TrimSpace(line) == "" {
			return "----\n----\n" + answer + "----\n----\n\n"
		}
	}
	return "----\n" + answer + "\n"
}
