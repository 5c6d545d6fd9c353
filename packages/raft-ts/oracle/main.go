// Command oracle says what go.etcd.io/raft/v3 prints for a scenario.
//
// The expected text of the scenario files under testdata/etcd must not come from the code that
// they test. So it is made here, by etcd's own node and its own harness, from the directives of a
// file alone: whatever the file says after "----" is thrown away and written anew.
//
//	oracle -w FILE...   rewrites the files, each of a folder raft, quorum or confchange
//	oracle -batch       reads scenarios on standard input, answers on standard output
//
// In a batch a line "==== KIND NAME" opens a scenario. The answer has the same lines; a scenario
// in which etcd panicked ends before that directive with a line "==== panic TEXT".
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const marker = "==== "

func main() {
	write := flag.Bool("w", false, "rewrite the files that are named")
	batch := flag.Bool("batch", false, "answer scenarios from standard input")
	flag.Parse()
	makeElectionsRepeatable()
	silenceStorage()
	var err error
	switch {
	case *batch:
		err = answerBatch(os.Stdin, os.Stdout)
	case *write && flag.NArg() > 0:
		err = rewriteFiles(flag.Args())
	default:
		flag.Usage()
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func rewriteFiles(paths []string) error {
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		kind := filepath.Base(filepath.Dir(path))
		answer, panicked, err := answerScenario(kind, string(text))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if panicked != "" {
			return fmt.Errorf("%s: etcd panicked: %s; it had printed\n%s", path, panicked, answer)
		}
		if err := os.WriteFile(path, []byte(strings.TrimRight(answer, "\n")+"\n"), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func answerBatch(in io.Reader, out io.Writer) error {
	reader := bufio.NewReaderSize(in, 1<<20)
	writer := bufio.NewWriterSize(out, 1<<20)
	var head string
	var text strings.Builder
	finish := func() error {
		if head == "" {
			return nil
		}
		kind, _, _ := strings.Cut(head, " ")
		answer, panicked, err := answerScenario(kind, text.String())
		if err != nil {
			return fmt.Errorf("%s: %w", head, err)
		}
		fmt.Fprintf(writer, "%s%s\n%s", marker, head, answer)
		if panicked != "" {
			fmt.Fprintf(writer, "%spanic %s\n", marker, strings.ReplaceAll(panicked, "\n", " "))
		}
		return nil
	}
	for {
		line, err := reader.ReadString('\n')
		if strings.HasPrefix(line, marker) {
			if err := finish(); err != nil {
				return err
			}
			head = strings.TrimSpace(strings.TrimPrefix(line, marker))
			text.Reset()
		} else {
			text.WriteString(line)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if err := finish(); err != nil {
		return err
	}
	return writer.Flush()
}
