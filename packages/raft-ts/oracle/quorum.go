package main

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/cockroachdb/datadriven"
	"go.etcd.io/raft/v3/quorum"
)

type ackedIndexes map[uint64]quorum.Index

func (a ackedIndexes) AckedIndex(id uint64) (quorum.Index, bool) {
	index, ok := a[id]
	return index, ok
}

// answerQuorum answers with etcd's quorum package. Its tests also print a line for each of two
// computations that disagree; etcd's agree, so there is none here.
func answerQuorum(_ *testing.T, d datadriven.TestData) string {
	config := quorum.JointConfig{quorum.MajorityConfig{}, quorum.MajorityConfig{}}
	var order []uint64
	var tokens []string
	isJoint := false
	for _, arg := range d.CmdArgs {
		switch arg.Key {
		case "cfg":
			order = append(order, addVoters(config[0], arg.Vals)...)
		case "cfgj":
			isJoint = true
			order = append(order, addVoters(config[1], arg.Vals)...)
		case "idx", "votes":
			tokens = arg.Vals
		}
	}
	known := map[uint64]string{}
	for _, id := range order {
		if _, ok := known[id]; !ok && len(known) < len(tokens) {
			known[id] = tokens[len(known)]
		}
	}
	if len(config.IDs()) != len(tokens) {
		panic("one token for each voter is needed")
	}
	if d.Cmd == "vote" {
		votes := map[uint64]bool{}
		for id, token := range known {
			if token != "_" {
				votes[id] = token == "y"
			}
		}
		if isJoint {
			return fmt.Sprintln(config.VoteResult(votes))
		}
		return fmt.Sprintln(config[0].VoteResult(votes))
	}
	acked := ackedIndexes{}
	for id, token := range known {
		if token != "_" {
			index, err := strconv.ParseUint(token, 10, 64)
			if err != nil {
				panic(err)
			}
			acked[id] = quorum.Index(index)
		}
	}
	if isJoint {
		return config.Describe(acked) + fmt.Sprintln(config.CommittedIndex(acked))
	}
	return config[0].Describe(acked) + fmt.Sprintln(config[0].CommittedIndex(acked))
}

func addVoters(config quorum.MajorityConfig, values []string) []uint64 {
	var ids []uint64
	for _, value := range values {
		if value == "zero" || value == "" {
			continue
		}
		id, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			panic(err)
		}
		config[id] = struct{}{}
		ids = append(ids, id)
	}
	return ids
}
