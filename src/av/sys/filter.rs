//! Filter graphs with one source and one sink.

use std::ffi::{CStr, CString};
use std::ptr;

use super::owned::{Owned, Release};
use super::{Failed, RawFrame, check, ffi};

impl Release for ffi::AVFilterGraph {
    unsafe fn release(mut object: *mut Self) {
        // SAFETY: handed over by `Owned`; frees the filters too.
        unsafe { ffi::avfilter_graph_free(&raw mut object) }
    }
}

/// An `AVFilterGraph`.
pub(in crate::av) type FilterGraph = Owned<ffi::AVFilterGraph>;

/// A filter inside a graph: valid as long as the graph, which its user keeps beside it.
#[derive(Clone, Copy)]
pub(in crate::av) struct Node(*mut ffi::AVFilterContext);

// SAFETY: a node is part of a graph and moves only together with it.
unsafe impl Send for Node {}

impl FilterGraph {
    /// Returns an empty graph whose filters use `threads` threads.
    pub(in crate::av) fn new(threads: i32) -> Result<Self, Failed> {
        // SAFETY: a fresh object, ours alone.
        let graph = unsafe { Owned::adopt(ffi::avfilter_graph_alloc()) };
        let mut graph = graph.ok_or(Failed { call: "avfilter_graph_alloc", code: ffi::AVERROR(ffi::ENOMEM) })?;
        graph.nb_threads = threads;
        Ok(graph)
    }

    /// Adds a filter with its arguments; `filter` is one of libavfilter's built-in ends (`buffer`, `buffersink` …).
    pub(in crate::av) fn add(&mut self, filter: &CStr, arguments: &str) -> Result<Node, Failed> {
        let failed = Failed { call: "avfilter_graph_create_filter", code: ffi::AVERROR(ffi::EINVAL) };
        let arguments = CString::new(arguments).map_err(|_| failed)?;
        // SAFETY: a zero-terminated name; filters are static.
        let definition = unsafe { ffi::avfilter_get_by_name(filter.as_ptr()) };
        if definition.is_null() {
            return Err(Failed { call: "avfilter_get_by_name", code: ffi::AVERROR_FILTER_NOT_FOUND });
        }
        let mut node = ptr::null_mut();
        // SAFETY: a live graph and a static filter; libav copies the strings and the graph owns the new node.
        check("avfilter_graph_create_filter", unsafe {
            ffi::avfilter_graph_create_filter(
                &raw mut node,
                definition,
                filter.as_ptr(),
                arguments.as_ptr(),
                ptr::null_mut(),
                self.as_mut_ptr(),
            )
        })?;
        Ok(Node(node))
    }

    /// Joins `source` (none for a chain that makes its own frames) and `sink` by the chain `text`, and checks the
    /// whole.
    pub(in crate::av) fn join(&mut self, source: Option<Node>, text: &str, sink: Node) -> Result<(), Failed> {
        let call = "avfilter_graph_parse_ptr";
        let text = CString::new(text).map_err(|_| Failed { call, code: ffi::AVERROR(ffi::EINVAL) })?;
        let mut open_output = source.map_or(ptr::null_mut(), |node| end(c"in", node));
        let mut open_input = end(c"out", sink);
        // SAFETY: a live graph; libav takes over both lists and leaves in them what it did not connect.
        let parsed = unsafe {
            ffi::avfilter_graph_parse_ptr(
                self.as_mut_ptr(),
                text.as_ptr(),
                &raw mut open_input,
                &raw mut open_output,
                ptr::null_mut(),
            )
        };
        // SAFETY: both lists are ours again, possibly null.
        unsafe {
            ffi::avfilter_inout_free(&raw mut open_input);
            ffi::avfilter_inout_free(&raw mut open_output);
        }
        check(call, parsed)?;
        // SAFETY: a live graph.
        check("avfilter_graph_config", unsafe { ffi::avfilter_graph_config(self.as_mut_ptr(), ptr::null_mut()) })
            .map(drop)
    }
}

/// Returns an unconnected end named as libavfilter's text syntax knows it.
fn end(name: &CStr, node: Node) -> *mut ffi::AVFilterInOut {
    // SAFETY: a fresh object; null (out of memory) is passed on, and libav then reports the missing end.
    unsafe {
        let end = ffi::avfilter_inout_alloc();
        if let Some(end) = end.as_mut() {
            end.name = ffi::av_strdup(name.as_ptr());
            end.filter_ctx = node.0;
            end.pad_idx = 0;
            end.next = ptr::null_mut();
        }
        end
    }
}

impl Node {
    /// Gives a source another reference to `frame`.
    pub(in crate::av) fn push(self, frame: &RawFrame) -> Result<(), Failed> {
        // SAFETY: a live source; KEEP_REF semantics: the frame is only read and referenced.
        check("av_buffersrc_write_frame", unsafe { ffi::av_buffersrc_write_frame(self.0, frame.as_ptr()) })
            .map(drop)
    }

    /// Tells a source that no more will come and when the last frame ended. (Without the time `fps`-like filters
    /// drop the last frame.)
    pub(in crate::av) fn close(self, end: i64) -> Result<(), Failed> {
        // SAFETY: a live source.
        check("av_buffersrc_close", unsafe { ffi::av_buffersrc_close(self.0, end, 0) }).map(drop)
    }

    /// Takes a frame out of a sink.
    pub(in crate::av) fn pull(self, frame: &mut RawFrame) -> Result<(), Failed> {
        // SAFETY: a live sink and an empty frame.
        check("av_buffersink_get_frame", unsafe { ffi::av_buffersink_get_frame(self.0, frame.as_mut_ptr()) })
            .map(drop)
    }

    /// Makes a sound sink hand out frames of exactly `samples`, the last one aside.
    pub(in crate::av) fn set_frame_samples(self, samples: u32) {
        // SAFETY: a live sink after the graph is checked.
        unsafe { ffi::av_buffersink_set_frame_size(self.0, samples) }
    }

    /// Returns the time base of a sink's frames.
    pub(in crate::av) fn time_base(self) -> ffi::AVRational {
        // SAFETY: a live sink after the graph is checked.
        unsafe { ffi::av_buffersink_get_time_base(self.0) }
    }
}
