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

// writeFrames ends with the track. A picture with a missing packet is left out.
func writeFrames(track *webrtc.TrackRemote, file io.Writer) {
	var frame []byte
	var sequence uint16
	whole := false
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		if track.Kind() == webrtc.RTPCodecTypeAudio {
			write(file, packet.Payload)
			continue
		}
		part := codecs.VP8Packet{}
		payload, err := part.Unmarshal(packet.Payload)
		if err != nil {
			continue // padding
		}
		if part.S == 1 && part.PID == 0 {
			frame, whole = nil, true
		} else {
			whole = whole && packet.SequenceNumber == sequence+1
		}
		sequence = packet.SequenceNumber
		frame = append(frame, payload...)
		if packet.Marker && whole {
			write(file, frame)
		}
	}
}

func write(file io.Writer, frame []byte) {
	if len(frame) > 0 {
		_, _ = file.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...))
	}
}
