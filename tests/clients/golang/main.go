// A participant of the tests: the unmodified Go SDK of LiveKit. It takes commands as lines on standard input and reports what
// happens as lines of JSON on standard output. Frames that it receives are appended to files, frames that it sends come from
// files; each frame stands behind its length in four bytes, the highest first.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/livekit/protocol/logger"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

type participant struct {
	room   *lksdk.Room
	folder string
	lock   sync.Mutex
	output *json.Encoder
}

func main() {
	url := flag.String("url", "", "of the server, ws://...")
	token := flag.String("token", "", "that opens the room")
	single := flag.Bool("single", false, "one peer connection for both directions")
	folder := flag.String("folder", ".", "where received frames go")
	verbose := flag.Bool("verbose", false, "show the log of the SDK on standard error")
	flag.Parse()
	lksdk.SetLogger(logger.GetDiscardLogger())
	if *verbose {
		logger.InitFromConfig(&logger.Config{Level: "debug"}, "client")
		lksdk.SetLogger(logger.GetLogger())
	}
	me := &participant{folder: *folder, output: json.NewEncoder(os.Stdout)}
	if err := me.join(*url, *token, *single); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		name, argument, _ := strings.Cut(commands.Text(), " ")
		if err := me.run(name, argument); err != nil {
			me.report("failed", "command", name, "reason", err.Error())
		}
	}
	me.room.Disconnect()
}

// report writes one event; details are pairs of a name and a value.
func (me *participant) report(event string, details ...any) {
	line := map[string]any{"event": event}
	for at := 0; at+1 < len(details); at += 2 {
		line[details[at].(string)] = details[at+1]
	}
	me.lock.Lock()
	defer me.lock.Unlock()
	_ = me.output.Encode(line)
}

func (me *participant) join(url, token string, single bool) error {
	callback := lksdk.NewRoomCallback()
	callback.OnReconnecting = func() { me.report("reconnecting") }
	callback.OnReconnected = func() { me.report("reconnected", "sid", me.room.LocalParticipant.SID()) }
	callback.OnDisconnectedWithReason = func(why lksdk.DisconnectionReason) { me.report("disconnected", "reason", why) }
	callback.OnParticipantConnected = func(who *lksdk.RemoteParticipant) { me.report("came", "identity", who.Identity()) }
	callback.OnParticipantDisconnected = func(who *lksdk.RemoteParticipant) { me.report("left", "identity", who.Identity()) }
	callback.OnTrackSubscribed = me.receive
	callback.OnDataPacket = func(packet lksdk.DataPacket, from lksdk.DataReceiveParams) {
		if data, ok := packet.(*lksdk.UserDataPacket); ok {
			me.report("data", "identity", from.SenderIdentity, "text", string(data.Payload))
		}
	}
	options := []lksdk.ConnectOption{lksdk.WithDisableRegionDiscovery()}
	if single {
		options = append(options, lksdk.WithSinglePeerConnection())
	}
	me.room = lksdk.NewRoom(callback)
	begun := time.Now()
	if err := me.room.JoinWithToken(url, token, options...); err != nil {
		return err
	}
	me.report("joined", "sid", me.room.LocalParticipant.SID(), "ms", float64(time.Since(begun).Microseconds())/1000)
	return nil
}

func (me *participant) run(name, argument string) error {
	switch name {
	case "audio":
		return me.publish(argument, "microphone", webrtc.MimeTypeOpus, 20*time.Millisecond)
	case "video":
		return me.publish(argument, "camera", webrtc.MimeTypeVP8, time.Second/15)
	case "data":
		return me.room.LocalParticipant.PublishDataPacket(lksdk.UserData([]byte(argument)), lksdk.WithDataPublishReliable(true))
	case "resume":
		me.room.Simulate(lksdk.SimulateSignalReconnect)
	case "reconnect":
		me.room.Simulate(lksdk.SimulateLeaveRequestFullReconnect)
	default:
		return fmt.Errorf("no such command")
	}
	return nil
}

func (me *participant) publish(file, source, mime string, each time.Duration) error {
	frames, err := readFrames(file)
	if err != nil {
		return err
	}
	track, err := lksdk.NewLocalTrack(webrtc.RTPCodecCapability{MimeType: mime})
	if err != nil {
		return err
	}
	if err := track.StartWrite(&player{frames: frames, each: each}, nil); err != nil {
		return err
	}
	options := &lksdk.TrackPublicationOptions{Name: source, Source: sources[source]}
	publication, err := me.room.LocalParticipant.PublishTrack(track, options)
	if err != nil {
		return err
	}
	me.report("published", "sid", publication.SID())
	return nil
}

func (me *participant) receive(track *webrtc.TrackRemote, _ *lksdk.RemoteTrackPublication, who *lksdk.RemoteParticipant) {
	name := filepath.Join(me.folder, who.Identity()+"."+track.Kind().String())
	file, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		me.report("failed", "command", "receive", "reason", err.Error())
		return
	}
	me.report("subscribed", "identity", who.Identity(), "kind", track.Kind().String(), "mime", track.Codec().MimeType)
	go func() {
		defer file.Close()
		writeFrames(track, file, func() { me.askForKey(track.SSRC(), who) })
	}()
}

// askForKey sends a PLI. In a single peer connection WritePLI of the SDK sends nothing (version 2.19.0), because it looks for
// the connection of the subscriber. There the PLI goes over the only connection.
func (me *participant) askForKey(ssrc webrtc.SSRC, who *lksdk.RemoteParticipant) {
	local := me.room.LocalParticipant
	if local.GetSubscriberPeerConnection() != nil {
		who.WritePLI(ssrc)
	} else if only := local.GetPublisherPeerConnection(); only != nil {
		_ = only.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(ssrc)}})
	}
}
