//! [`Pod`]: what containerd asks of a shim, by ttrpc. Each function finds the container, does one thing, and answers.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use containerd_shim_protos::Task;
use containerd_shim_protos::api::{
    CheckpointTaskRequest, CloseIORequest, ConnectRequest, ConnectResponse, CreateTaskRequest,
    CreateTaskResponse, DeleteRequest, DeleteResponse, Empty, ExecProcessRequest, KillRequest, PauseRequest,
    PidsRequest, PidsResponse, ProcessInfo, ResizePtyRequest, ResumeRequest, ShutdownRequest, StartRequest,
    StartResponse, StateRequest, StateResponse, StatsRequest, StatsResponse, Status, UpdateTaskRequest,
    WaitRequest, WaitResponse,
};
use containerd_shim_protos::events::task::{TaskCreate, TaskDelete, TaskIO, TaskPaused, TaskResumed};
use containerd_shim_protos::protobuf::MessageField;
use containerd_shim_protos::ttrpc::{Code, Result as TtrpcResult, TtrpcContext};

use crate::container::{Container, Life};
use crate::containerd::Containerd;
use crate::events::Events;
use crate::refusal::Refusal;
use crate::stats;
use crate::sync::lock;

/// The containers of a pod.
#[derive(Debug)]
pub(crate) struct Pod {
    containers: Mutex<BTreeMap<String, Arc<Container>>>,
    containerd: Containerd,
    events: Events,
    over: (Mutex<bool>, Condvar),
}

impl Pod {
    pub(crate) fn new(containerd: Containerd, events: Events) -> Pod {
        Pod {
            containers: Mutex::default(),
            containerd,
            events,
            over: (Mutex::new(false), Condvar::new()),
        }
    }

    /// Waits until containerd has no use for this shim any more.
    pub(crate) fn wait(&self) {
        let mut over = lock(&self.over.0);
        while !*over {
            over = self.over.1.wait(over).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The container of a request. Processes in a container besides its guest are none.
    fn find(&self, id: &str, exec: &str) -> Result<Arc<Container>, Refusal> {
        let found = lock(&self.containers).get(id).cloned();
        found.filter(|_| exec.is_empty()).ok_or_else(|| {
            Refusal::new(
                Code::NOT_FOUND,
                format!("there is no process {exec:?} of a container {id:?}"),
            )
        })
    }
}

/// The service, which its server owns.
#[derive(Clone, Debug)]
pub(crate) struct Service(pub(crate) Arc<Pod>);

impl Task for Service {
    fn create(&self, _: &TtrpcContext, request: CreateTaskRequest) -> TtrpcResult<CreateTaskResponse> {
        if !request.checkpoint.is_empty() {
            return Err(Refusal::unsupported("a guest cannot be restored from a checkpoint").into());
        }
        if lock(&self.0.containers).contains_key(&request.id) {
            let sentence = format!("there is a container {} already", request.id);
            return Err(Refusal::new(Code::ALREADY_EXISTS, sentence).into());
        }
        let (container, end) = Container::create(&request, &self.0.containerd)?;
        let mut event = TaskCreate::new();
        event.container_id.clone_from(&request.id);
        event.bundle.clone_from(&request.bundle);
        event.rootfs.clone_from(&request.rootfs);
        event.pid = container.pid;
        event.io = MessageField::some(TaskIO {
            stdin: request.stdin,
            stdout: request.stdout,
            stderr: request.stderr,
            terminal: request.terminal,
            ..Default::default()
        });
        self.0.events.send("/tasks/create", &event);
        // The event of its end is sent after that of its beginning.
        container.watch(end, self.0.events.clone())?;
        let pid = container.pid;
        lock(&self.0.containers).insert(request.id, container);
        Ok(CreateTaskResponse {
            pid,
            ..Default::default()
        })
    }

    fn start(&self, _: &TtrpcContext, request: StartRequest) -> TtrpcResult<StartResponse> {
        let container = self.0.find(&request.id, &request.exec_id)?;
        container.start(&self.0.events)?;
        Ok(StartResponse {
            pid: container.pid,
            ..Default::default()
        })
    }

    fn state(&self, _: &TtrpcContext, request: StateRequest) -> TtrpcResult<StateResponse> {
        let container = self.0.find(&request.id, &request.exec_id)?;
        let text = |path: &Option<std::path::PathBuf>| {
            path.as_ref()
                .map(|path| path.display().to_string())
                .unwrap_or_default()
        };
        let mut state = StateResponse {
            id: container.id.clone(),
            bundle: container.bundle.display().to_string(),
            pid: container.pid,
            stdin: text(&container.streams.stdin),
            stdout: text(&container.streams.stdout),
            stderr: text(&container.streams.stderr),
            terminal: container.terminal.is_some(),
            ..Default::default()
        };
        let status = match container.life() {
            Life::Created => Status::CREATED,
            Life::Running => Status::RUNNING,
            Life::Paused => Status::PAUSED,
            Life::Stopped { code, at } => {
                state.exit_status = code;
                state.exited_at = MessageField::some(at);
                Status::STOPPED
            }
        };
        state.status = status.into();
        Ok(state)
    }

    fn wait(&self, _: &TtrpcContext, request: WaitRequest) -> TtrpcResult<WaitResponse> {
        let (exit_status, at) = self.0.find(&request.id, &request.exec_id)?.wait();
        Ok(WaitResponse {
            exit_status,
            exited_at: MessageField::some(at),
            ..Default::default()
        })
    }

    fn kill(&self, _: &TtrpcContext, request: KillRequest) -> TtrpcResult<Empty> {
        self.0.find(&request.id, &request.exec_id)?.kill(request.signal)?;
        Ok(Empty::new())
    }

    fn delete(&self, _: &TtrpcContext, request: DeleteRequest) -> TtrpcResult<DeleteResponse> {
        let container = self.0.find(&request.id, &request.exec_id)?;
        let (exit_status, at) = container.delete()?;
        lock(&self.0.containers).remove(&request.id);
        let mut event = TaskDelete::new();
        event.container_id.clone_from(&request.id);
        event.pid = container.pid;
        event.exit_status = exit_status;
        event.exited_at = MessageField::some(at.clone());
        self.0.events.send("/tasks/delete", &event);
        Ok(DeleteResponse {
            pid: container.pid,
            exit_status,
            exited_at: MessageField::some(at),
            ..Default::default()
        })
    }

    fn pids(&self, _: &TtrpcContext, request: PidsRequest) -> TtrpcResult<PidsResponse> {
        let container = self.0.find(&request.id, "")?;
        let mut pids = container
            .cgroup
            .as_ref()
            .map(|cgroup| cgroup.processes())
            .unwrap_or_default();
        if pids.is_empty() && !matches!(container.life(), Life::Stopped { .. }) {
            pids.push(container.pid);
        }
        let info = |pid| ProcessInfo {
            pid,
            ..Default::default()
        };
        Ok(PidsResponse {
            processes: pids.into_iter().map(info).collect(),
            ..Default::default()
        })
    }

    fn pause(&self, _: &TtrpcContext, request: PauseRequest) -> TtrpcResult<Empty> {
        self.0.find(&request.id, "")?.freeze(true)?;
        let mut event = TaskPaused::new();
        event.container_id = request.id;
        self.0.events.send("/tasks/paused", &event);
        Ok(Empty::new())
    }

    fn resume(&self, _: &TtrpcContext, request: ResumeRequest) -> TtrpcResult<Empty> {
        self.0.find(&request.id, "")?.freeze(false)?;
        let mut event = TaskResumed::new();
        event.container_id = request.id;
        self.0.events.send("/tasks/resumed", &event);
        Ok(Empty::new())
    }

    fn close_io(&self, _: &TtrpcContext, request: CloseIORequest) -> TtrpcResult<Empty> {
        let container = self.0.find(&request.id, &request.exec_id)?;
        if request.stdin {
            container.close_stdin();
        }
        Ok(Empty::new())
    }

    fn resize_pty(&self, _: &TtrpcContext, request: ResizePtyRequest) -> TtrpcResult<Empty> {
        let container = self.0.find(&request.id, &request.exec_id)?;
        if let Some(terminal) = &container.terminal {
            terminal
                .resize(request.width, request.height)
                .map_err(|error| Refusal::failed(format!("cannot resize the terminal: {error}")))?;
        }
        Ok(Empty::new())
    }

    fn exec(&self, _: &TtrpcContext, _: ExecProcessRequest) -> TtrpcResult<Empty> {
        Err(Refusal::unsupported(
            "a container of guestnet runs its guest and no second program, so there is no exec",
        )
        .into())
    }

    fn checkpoint(&self, _: &TtrpcContext, _: CheckpointTaskRequest) -> TtrpcResult<Empty> {
        Err(Refusal::unsupported("a guest with sockets cannot be checkpointed").into())
    }

    fn update(&self, _: &TtrpcContext, _: UpdateTaskRequest) -> TtrpcResult<Empty> {
        Err(Refusal::unsupported("the limits of a guest are those that it was started with").into())
    }

    fn stats(&self, _: &TtrpcContext, request: StatsRequest) -> TtrpcResult<StatsResponse> {
        let container = self.0.find(&request.id, "")?;
        let metrics = stats::metrics(container.cgroup.as_ref(), container.pid).map_err(Refusal::failed)?;
        Ok(StatsResponse {
            stats: MessageField::some(metrics),
            ..Default::default()
        })
    }

    fn connect(&self, _: &TtrpcContext, request: ConnectRequest) -> TtrpcResult<ConnectResponse> {
        let task = lock(&self.0.containers)
            .get(&request.id)
            .map_or(0, |container| container.pid);
        Ok(ConnectResponse {
            shim_pid: std::process::id(),
            task_pid: task,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..Default::default()
        })
    }

    fn shutdown(&self, _: &TtrpcContext, _: ShutdownRequest) -> TtrpcResult<Empty> {
        // Others of the pod may be there still.
        if lock(&self.0.containers).is_empty() {
            *lock(&self.0.over.0) = true;
            self.0.over.1.notify_all();
        }
        Ok(Empty::new())
    }
}
