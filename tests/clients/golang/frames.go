package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
)

var sources = map[string]livekit.TrackSource{
	"camera":     livekit.TrackSource_CAMERA,
	"microphone": livekit.TrackSource_MICROPHONE,
}

// player sends the frames of a file again and again.
type player struct {
	lksdk.BaseSampleProvider
	frames [][]byte
	each   time.Duration
	next   int
}

func (one *player) NextSample(context.Context) (media.Sample, error) {
	frame := one.frames[one.next%len(one.frames)]
	one.next++
	return media.Sample{Data: frame, Duration: one.each}, nil
}

func readFrames(name string) ([][]byte, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var frames [][]byte
	for len(content) >= 4 {
		length := int(binary.BigEndian.Uint32(content))
		if length > len(content)-4 {
			break
		}
		frames = append(frames, content[4:4+length])
		content = content[4+length:]
	}
	if len(frames) == 0 || len(content) != 0 {
		return nil, fmt.Errorf("%s holds no whole frames", name)
	}
	return frames, nil
}

// keyAgain is how long a viewer waits for a key frame before it asks once more.
const keyAgain = 500 * time.Millisecond

// writeFrames ends with the track. After a missing packet it asks for a key frame and leaves out what comes before that.
func writeFrames(track *webrtc.TrackRemote, file io.Writer, askForKey func()) {
	pictures := viewer{file: file, askForKey: askForKey}
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		if track.Kind() == webrtc.RTPCodecTypeAudio {
			write(file, packet.Payload)
		} else {
			pictures.take(packet)
		}
	}
}

// viewer puts VP8 pictures together.
type viewer struct {
	file      io.Writer
	askForKey func()
	asked     time.Time
	sequence  uint16
	frame     []byte
	// The last packet came, and every picture since a key frame is whole.
	follows, whole bool
}

func (one *viewer) take(packet *rtp.Packet) {
	one.follows = one.follows && packet.SequenceNumber == one.sequence+1
	one.sequence = packet.SequenceNumber
	part := codecs.VP8Packet{}
	payload, err := part.Unmarshal(packet.Payload)
	if err != nil || len(payload) == 0 {
		return // padding
	}
	begins := part.S == 1 && part.PID == 0
	if begins {
		one.frame = nil
	}
	one.whole = one.whole && one.follows
	if begins && payload[0]&1 == 0 {
		one.whole = true
	}
	one.follows = true
	if !one.whole {
		if time.Since(one.asked) > keyAgain {
			one.asked = time.Now()
			one.askForKey()
		}
		return
	}
	one.frame = append(one.frame, payload...)
	if packet.Marker {
		write(one.file, one.frame)
	}
}

func write(file io.Writer, frame []byte) {
	if len(frame) > 0 {
		_, _ = file.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...))
	}
}
