package main

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/datadriven"
	"go.etcd.io/raft/v3/confchange"
	pb "go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
)

// confChangeHandler keeps one configuration for a file, as etcd's test of the package does.
func confChangeHandler() handler {
	changer := confchange.Changer{Tracker: tracker.MakeProgressTracker(10, 0)}
	return func(_ *testing.T, d datadriven.TestData) string {
		defer func() { changer.LastIndex++ }()
		changes, err := pb.ConfChangesFromString(d.Input)
		if err != nil {
			return err.Error()
		}
		var config tracker.Config
		var progress tracker.ProgressMap
		switch d.Cmd {
		case "simple":
			config, progress, err = changer.Simple(changes...)
		case "enter-joint":
			autoLeave := len(d.CmdArgs) > 0 && d.CmdArgs[0].Vals[0] == "true"
			config, progress, err = changer.EnterJoint(autoLeave, changes...)
		case "leave-joint":
			config, progress, err = changer.LeaveJoint()
		default:
			return "unknown command"
		}
		if err != nil {
			return err.Error() + "\n"
		}
		changer.Tracker.Config, changer.Tracker.Progress = config, progress
		return fmt.Sprintf("%s\n%s", config, progress)
	}
}
