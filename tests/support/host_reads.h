#pragma once

#include <ATen/record_function.h>

#include <memory>
#include <string_view>

namespace aero::testing_support {

/// Counts what reads a tensor's value while it lives, on this thread: on a GPU each read waits
/// until the device is done. On any device, for item() is the same operation everywhere.
class HostReads {
 public:
  HostReads() {
    count() = 0;
    handle_ = at::addThreadLocalCallback(at::RecordFunctionCallback(&HostReads::on_call));
  }
  ~HostReads() { at::removeCallback(handle_); }
  HostReads(const HostReads&) = delete;
  HostReads& operator=(const HostReads&) = delete;

  int seen() const { return count(); }

 private:
  static int& count() {
    thread_local int count = 0;
    return count;
  }
  static std::unique_ptr<at::ObserverContext> on_call(const at::RecordFunction& function) {
    if (std::string_view(function.name()) == "aten::_local_scalar_dense") ++count();
    return nullptr;
  }

  at::CallbackHandle handle_;
};

}  // namespace aero::testing_support
