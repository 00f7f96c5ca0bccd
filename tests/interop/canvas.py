"""Cheap cameras: a track painted in the page, for tests that drive `livekit-client` without our pages, and a small camera for our
pages.
"""

from pathlib import Path

CLIENT = Path(__file__).parents[2] / "web" / "node_modules" / "livekit-client" / "dist" / "livekit-client.umd.js"

PAINTED = """(width, height, fps) => {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const paper = canvas.getContext('2d');
  let count = 0;
  setInterval(() => {
    paper.fillStyle = `hsl(${count * 5 % 360} 60% 50%)`;
    paper.fillRect(0, 0, width, height);
    for (let at = 0; at < 40; at++) {
      paper.fillStyle = `hsl(${at * 37 % 360} 70% 40%)`;
      paper.fillRect((at * 97 + count * 5) % width, (at * 53 + count * 3) % height, 60, 40);
    }
    count++;
  }, 1000 / fps);
  return canvas.captureStream(fps).getVideoTracks()[0];
}"""
"""A JavaScript function that returns a track of moving patches."""
SMALL_CAMERA = """{
  const devices = navigator.mediaDevices, open = devices.getUserMedia.bind(devices);
  devices.getUserMedia = ({ audio, video }) => open({ audio, video: video && { ...video, width: 640, height: 360 } });
}"""
"""A script that gives the page a quarter of the pixels that it asks for, for tests that do not look at sharpness."""
