// Every message type of the protocol with its wire name (docs/protocol.md).
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace trireme {

enum class MessageType {
  kRegistrationRequest,
  kRegistrationReply,
  kUnregistrationRequest,
  kConnectionRequest,
  kConnectionReply,
  kRegistrationNotification,
  kUnregistrationNotification,
  kShutdownNotification,
  kQueueRequest,
  kQueueReply,
  kLoadRequest,
  kLoadReply,
  kResultRequest,
  kResultReply,
  kHistoryRequest,
  kHistoryReply,
  kDbRequest,
  kDbReply,
  kPurgeRequest,
  kPurgeReply,
  kResubmitRequest,
  kResubmitReply,
  kShutdownRequest,
  kShutdownReply,
  kBecomeDaskRequest,
  kBecomeDaskReply,
  kStopDistributedRequest,
  kStopDistributedReply,
  kHubError,
  kApplyRequest,
  kApplyReply,
  kExecuteRequest,
  kExecuteReply,
  kAbortRequest,
  kAbortReply,
  kClearRequest,
  kClearReply,
  kSignalRequest,
  kKernelInfoRequest,
  kKernelInfoReply,
  kInterruptRequest,
  kInterruptReply,
  kStatus,
  kExecuteInput,
  kStream,
  kDisplayData,
  kExecuteResult,
  kError,
  kDataMessage,
};

struct MessageTypeName {
  MessageType type;
  std::string_view wire_name;
};

inline constexpr std::array kMessageTypes{
    MessageTypeName{MessageType::kRegistrationRequest, "registration_request"},
    MessageTypeName{MessageType::kRegistrationReply, "registration_reply"},
    MessageTypeName{MessageType::kUnregistrationRequest, "unregistration_request"},
    MessageTypeName{MessageType::kConnectionRequest, "connection_request"},
    MessageTypeName{MessageType::kConnectionReply, "connection_reply"},
    MessageTypeName{MessageType::kRegistrationNotification, "registration_notification"},
    MessageTypeName{MessageType::kUnregistrationNotification, "unregistration_notification"},
    MessageTypeName{MessageType::kShutdownNotification, "shutdown_notification"},
    MessageTypeName{MessageType::kQueueRequest, "queue_request"},
    MessageTypeName{MessageType::kQueueReply, "queue_reply"},
    MessageTypeName{MessageType::kLoadRequest, "load_request"},
    MessageTypeName{MessageType::kLoadReply, "load_reply"},
    MessageTypeName{MessageType::kResultRequest, "result_request"},
    MessageTypeName{MessageType::kResultReply, "result_reply"},
    MessageTypeName{MessageType::kHistoryRequest, "history_request"},
    MessageTypeName{MessageType::kHistoryReply, "history_reply"},
    MessageTypeName{MessageType::kDbRequest, "db_request"},
    MessageTypeName{MessageType::kDbReply, "db_reply"},
    MessageTypeName{MessageType::kPurgeRequest, "purge_request"},
    MessageTypeName{MessageType::kPurgeReply, "purge_reply"},
    MessageTypeName{MessageType::kResubmitRequest, "resubmit_request"},
    MessageTypeName{MessageType::kResubmitReply, "resubmit_reply"},
    MessageTypeName{MessageType::kShutdownRequest, "shutdown_request"},
    MessageTypeName{MessageType::kShutdownReply, "shutdown_reply"},
    MessageTypeName{MessageType::kBecomeDaskRequest, "become_dask_request"},
    MessageTypeName{MessageType::kBecomeDaskReply, "become_dask_reply"},
    MessageTypeName{MessageType::kStopDistributedRequest, "stop_distributed_request"},
    MessageTypeName{MessageType::kStopDistributedReply, "stop_distributed_reply"},
    MessageTypeName{MessageType::kHubError, "hub_error"},
    MessageTypeName{MessageType::kApplyRequest, "apply_request"},
    MessageTypeName{MessageType::kApplyReply, "apply_reply"},
    MessageTypeName{MessageType::kExecuteRequest, "execute_request"},
    MessageTypeName{MessageType::kExecuteReply, "execute_reply"},
    MessageTypeName{MessageType::kAbortRequest, "abort_request"},
    MessageTypeName{MessageType::kAbortReply, "abort_reply"},
    MessageTypeName{MessageType::kClearRequest, "clear_request"},
    MessageTypeName{MessageType::kClearReply, "clear_reply"},
    MessageTypeName{MessageType::kSignalRequest, "signal_request"},
    MessageTypeName{MessageType::kKernelInfoRequest, "kernel_info_request"},
    MessageTypeName{MessageType::kKernelInfoReply, "kernel_info_reply"},
    MessageTypeName{MessageType::kInterruptRequest, "interrupt_request"},
    MessageTypeName{MessageType::kInterruptReply, "interrupt_reply"},
    MessageTypeName{MessageType::kStatus, "status"},
    MessageTypeName{MessageType::kExecuteInput, "execute_input"},
    MessageTypeName{MessageType::kStream, "stream"},
    MessageTypeName{MessageType::kDisplayData, "display_data"},
    MessageTypeName{MessageType::kExecuteResult, "execute_result"},
    MessageTypeName{MessageType::kError, "error"},
    MessageTypeName{MessageType::kDataMessage, "data_message"},
};

/// The name on the wire.
constexpr std::string_view wire_name(MessageType type) {
  for (const MessageTypeName& entry : kMessageTypes) {
    if (entry.type == type) return entry.wire_name;
  }
  return "";
}

/// The type behind a wire name; empty for types this program does not name (which may still be
/// relayed).
constexpr std::optional<MessageType> message_type(std::string_view name) {
  for (const MessageTypeName& entry : kMessageTypes) {
    if (entry.wire_name == name) return entry.type;
  }
  return std::nullopt;
}

}  // namespace trireme
