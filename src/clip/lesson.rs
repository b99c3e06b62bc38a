//! The recording that the demo transcodes: what a lesson looks like to an encoder.

use super::{Picture, Recipe, Sound};
use crate::media::{Container, Ratio};

/// Returns the recipe of a 1080p lesson of `seconds`: slides that stand still and change, a teacher's picture that
/// moves in the corner, camera noise over it, and a voice-like sound.
pub fn lesson(seconds: f64) -> Recipe {
    let rate = Ratio::new(25, 1);
    let picture = Picture {
        source: slides(seconds),
        options: vec![("preset", "ultrafast"), ("g", "100"), ("b", "5000000"), ("threads", "0")],
        ..Picture::h264("1920x1080", rate, seconds)
    };
    let voice = format!(
        "aevalsrc='0.3*sin(2*PI*(180+60*sin(2*PI*0.7*t))*t)*(0.6+0.4*sin(2*PI*3*t))\
         |0.3*sin(2*PI*(180+60*sin(2*PI*0.7*t))*t)*(0.6+0.4*sin(2*PI*3*t+1))':s=44100:d={seconds}"
    );
    let sound = Sound { source: voice, ..Sound::aac(seconds) };
    Recipe { container: Container::Flv, muxer_options: Vec::new(), pictures: vec![picture], sounds: vec![sound] }
}

/// Returns a chain that draws the slides: a heading and lines of "text" as bars, another slide every five seconds,
/// and a moving picture at the lower right.
fn slides(seconds: f64) -> String {
    const SLIDE_SECONDS: usize = 5;
    const COLOURS: [&str; 4] = ["0x1f4e79", "0x7a3b12", "0x1e6b3a", "0x5a2a6e"];
    let mut boxes = String::new();
    for (index, colour) in COLOURS.iter().enumerate() {
        let shown = format!("enable='eq(mod(floor(t/{SLIDE_SECONDS}),{}),{index})'", COLOURS.len());
        boxes += &format!(",drawbox=x=80:y=70:w=900:h=70:color={colour}:t=fill:{shown}");
        for line in 0..7_usize {
            let (y, width) = (220 + line * 105, 1000 - (line * 37 + index * 53) % 7 * 90);
            boxes += &format!(",drawbox=x=80:y={y}:w={width}:h=34:color=0x404040:t=fill:{shown}");
        }
    }
    format!(
        "color=color=0xf4f1ea:size=1920x1080:rate=25:duration={seconds}{boxes}[slide];\
         testsrc2=size=640x480:rate=25:duration={seconds},noise=alls=6:allf=t[teacher];\
         [slide][teacher]overlay=x=1240:y=560:shortest=1,format=yuv420p"
    )
}
