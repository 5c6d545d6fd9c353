package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"math"
	"reflect"
	"strconv"
	"testing"
	"unsafe"

	"github.com/cockroachdb/datadriven"
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/rafttest"
)

// zeros makes every random election timeout the least one. etcd draws them from crypto/rand, so
// a scenario that ticks would have another answer at each run.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func makeElectionsRepeatable() { rand.Reader = zeros{} }

// silenceStorage drops the log lines of etcd's storage in memory: its panics are told anyway.
func silenceStorage() {
	raft.SetLogger(&raft.DefaultLogger{Logger: log.New(io.Discard, "", 0)})
}

// interactionHandler is etcd's handler with the directives and options that our files add:
//
//	add-nodes ... max-size-per-msg=N max-uncommitted-size=N max-inflight-bytes=N
//	              election-ticks=N heartbeat-ticks=N disable-proposal-forwarding=B
//	read-index ID CONTEXT
//	report-snapshot FROM TO status=finish|failure
//	restart ID
//
// Each of them only calls etcd's public API; what is printed is etcd's.
func interactionHandler() handler {
	var options configOptions
	env := rafttest.NewInteractionEnv(&rafttest.InteractionOpts{
		OnConfig:                     func(c *raft.Config) { options.apply(c) },
		SetRandomizedElectionTimeout: setRandomizedElectionTimeout,
	})
	return func(t *testing.T, d datadriven.TestData) string {
		added, known := addedDirectives[d.Cmd]
		if !known {
			if d.Cmd == "add-nodes" {
				options = readOptions(d)
			}
			return env.Handle(t, d)
		}
		env.Output.Reset()
		if err := added(env, d); err != nil {
			if env.Output.Quiet() {
				return err.Error()
			}
			_, _ = env.Output.WriteString(err.Error())
		}
		if env.Output.Len() == 0 {
			return "ok"
		}
		return env.Output.String()
	}
}

type configOptions map[string]uint64

func readOptions(d datadriven.TestData) configOptions {
	options := configOptions{}
	for _, arg := range d.CmdArgs {
		if len(arg.Vals) != 1 {
			continue
		}
		switch arg.Key {
		case "max-size-per-msg", "max-uncommitted-size", "max-inflight-bytes",
			"election-ticks", "heartbeat-ticks":
			n, err := strconv.ParseUint(arg.Vals[0], 10, 63)
			if err != nil {
				panic(err)
			}
			options[arg.Key] = n
		case "disable-proposal-forwarding":
			if arg.Vals[0] == "true" {
				options[arg.Key] = 1
			}
		}
	}
	return options
}

func (o configOptions) apply(c *raft.Config) {
	for key, value := range o {
		switch key {
		case "max-size-per-msg":
			c.MaxSizePerMsg = value
		case "max-uncommitted-size":
			c.MaxUncommittedEntriesSize = value
		case "max-inflight-bytes":
			c.MaxInflightBytes = value
		case "election-ticks":
			c.ElectionTick = int(value)
		case "heartbeat-ticks":
			c.HeartbeatTick = int(value)
		case "disable-proposal-forwarding":
			c.DisableProposalForwarding = true
		}
	}
	// etcd takes the limit of committed entries from this one when it is not set.
	if c.MaxSizePerMsg == 0 && c.MaxCommittedSizePerReady == 0 {
		c.MaxCommittedSizePerReady = math.MaxUint64
	}
}

// setRandomizedElectionTimeout reaches into the node as etcd's own tests do from inside.
func setRandomizedElectionTimeout(node *raft.RawNode, timeout int) {
	inner := reflect.ValueOf(node).Elem().FieldByName("raft").Elem()
	field := inner.FieldByName("randomizedElectionTimeout")
	*(*int)(unsafe.Pointer(field.UnsafeAddr())) = timeout
}

var addedDirectives = map[string]func(*rafttest.InteractionEnv, datadriven.TestData) error{
	"read-index": func(env *rafttest.InteractionEnv, d datadriven.TestData) error {
		env.Nodes[nodeAt(d, 0)].ReadIndex([]byte(d.CmdArgs[1].Key))
		return nil
	},
	"report-snapshot": func(env *rafttest.InteractionEnv, d datadriven.TestData) error {
		status := raft.SnapshotFinish
		for _, arg := range d.CmdArgs[2:] {
			if arg.Key != "status" || len(arg.Vals) != 1 {
				return fmt.Errorf("unknown option %s", arg.Key)
			}
			if arg.Vals[0] == "failure" {
				status = raft.SnapshotFailure
			}
		}
		env.Nodes[nodeAt(d, 0)].ReportSnapshot(uint64(nodeAt(d, 1)+1), status)
		return nil
	},
	"restart": func(env *rafttest.InteractionEnv, d datadriven.TestData) error {
		return restart(env, nodeAt(d, 0))
	},
}

func nodeAt(d datadriven.TestData, at int) int {
	n, err := strconv.Atoi(d.CmdArgs[at].Key)
	if err != nil {
		panic(err)
	}
	return n - 1
}

// restarted is the storage of a node that starts again: the membership comes from what the state
// machine has applied, as in any host that keeps both together.
type restarted struct {
	rafttest.Storage
	confState *pb.ConfState
}

func (s restarted) InitialState() (*pb.HardState, *pb.ConfState, error) {
	hard, _, err := s.Storage.InitialState()
	return hard, s.confState, err
}

// restart starts a node from what it has stored. Its queued storage work, its memory and the
// answers that its storage had under way are lost; what it sent to others is not.
func restart(env *rafttest.InteractionEnv, idx int) error {
	n := &env.Nodes[idx]
	storage := n.Storage
	if again, ok := storage.(restarted); ok {
		storage = again.Storage
	}
	hard, confState, err := storage.InitialState()
	if err != nil {
		return err
	}
	first, err := storage.FirstIndex()
	if err != nil {
		return err
	}
	// The state machine may have run ahead of the commit index on disk.
	for len(n.History) > 1 && n.History[len(n.History)-1].GetMetadata().GetIndex() > hard.GetCommit() {
		n.History = n.History[:len(n.History)-1]
	}
	applied := first - 1
	last := n.History[len(n.History)-1].GetMetadata()
	if last.GetIndex() >= applied && last.GetIndex() <= hard.GetCommit() {
		applied, confState = last.GetIndex(), last.GetConfState()
	}
	config := *n.Config
	config.Applied = applied
	config.Storage = restarted{storage, confState}
	node, err := raft.NewRawNode(&config)
	if err != nil {
		return err
	}
	n.RawNode, n.Storage, n.Config = node, restarted{storage, confState}, &config
	n.AppendWork, n.ApplyWork = nil, nil
	id := uint64(idx + 1)
	kept := env.Messages[:0]
	for _, m := range env.Messages {
		isOwn := m.GetTo() == id && (m.GetFrom() == id || raft.IsLocalMsgTarget(m.GetFrom()))
		if !isOwn {
			kept = append(kept, m)
		}
	}
	env.Messages = kept
	return nil
}
