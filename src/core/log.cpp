#include "aero/core/log.h"

#include "aero/core/display_width.h"
#include "aero/core/error.h"
#include "aero/core/terminal.h"
#include "aero/core/text.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace aero::log {
namespace {

using std::string_view_literals::operator""sv;

/// Writes "warning: " and "error: " before such messages, and nothing before the others.
class Prefix : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    if (message.level < spdlog::level::warn) return;
    const auto name = spdlog::level::to_string_view(message.level);
    out.append(name.begin(), name.end());
    out.push_back(':');
    out.push_back(' ');
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<Prefix>();
  }
};

spdlog::level::level_enum lowest_level(Verbosity verbosity) {
  switch (verbosity) {
    case Verbosity::quiet:
      return spdlog::level::warn;
    case Verbosity::normal:
      return spdlog::level::info;
    case Verbosity::verbose:
      return spdlog::level::debug;
  }
  return spdlog::level::info;
}

bool is_set(const char* variable) {
  const char* const value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

/// Whether stderr is a terminal that obeys escape codes.
bool obeys_escape_codes() {
  return is_terminal(STDERR_FILENO) && is_set("TERM") && std::getenv("TERM") != "dumb"sv;
}

/// https://no-color.org: an empty NO_COLOR asks for nothing.
bool wants_color() {
  return obeys_escape_codes() && !is_set("NO_COLOR");
}

class Log {
 public:
  Log() {
    auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>(
        wants_color() ? spdlog::color_mode::automatic : spdlog::color_mode::never);
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<Prefix>('*').set_pattern("%^%*%$%v");
    sink->set_formatter(std::move(formatter));
    terminal_ = std::make_shared<spdlog::logger>("terminal", sink);
    terminal_->set_level(lowest_level(verbosity_));
    terminal_->set_error_handler([](const std::string&) {});
  }

  void set_verbosity(Verbosity verbosity) {
    const std::lock_guard lock(mutex_);
    verbosity_ = verbosity;
    terminal_->set_level(lowest_level(verbosity));
  }

  Verbosity verbosity() const {
    const std::lock_guard lock(mutex_);
    return verbosity_;
  }

  void set_origin(std::string_view origin) {
    const std::lock_guard lock(mutex_);
    origin_ = origin.empty() ? "" : std::string(origin) + ": ";
  }

  void open(const std::filesystem::path& path) {
    std::shared_ptr<spdlog::logger> file;
    try {
      auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path.string());
      file = std::make_shared<spdlog::logger>("file", sink);
    } catch (const spdlog::spdlog_ex& fault) {
      throw Error(fmt::format("cannot open the log file '{}': {}", path.string(), fault.what()));
    }
    file->set_pattern("%Y-%m-%d %H:%M:%S.%e%z %l: %v");
    file->set_level(spdlog::level::trace);
    file->flush_on(spdlog::level::trace);
    file->set_error_handler([this](const std::string& reason) { fault_ = reason; });
    const std::lock_guard lock(mutex_);
    file_ = file;
    fault_.clear();
  }

  void close() {
    const std::lock_guard lock(mutex_);
    file_.reset();
  }

  void write(spdlog::level::level_enum level, std::string_view message, bool on_terminal) {
    const std::lock_guard lock(mutex_);
    const auto whole = origin_ + std::string(message);
    const spdlog::string_view_t text(whole.data(), whole.size());
    if (on_terminal) show(level, text);
    if (file_ == nullptr) return;
    const bool was_failing = !fault_.empty();
    fault_.clear();
    file_->log(level, text);
    if (!fault_.empty() && !was_failing) {
      show(spdlog::level::warn, "the log file misses lines: " + fault_);
    }
  }

  bool has_terminal() const { return has_status_ && verbosity() != Verbosity::quiet; }

  void set_status(std::string_view line) {
    if (!has_terminal()) return;
    const std::lock_guard lock(mutex_);
    if (line.empty() && status_.empty()) return;
    status_ = line;
    draw(clear + shown_status());
  }

 private:
  /// Erases the cursor's line and all below it. The cursor stands at the start of the status line:
  /// if the window has become narrower and the terminal has broken the line into several rows, they
  /// all lie below the cursor.
  inline static const std::string clear = "\r\x1b[K\x1b[J";

  /// The part of the status line that the window can hold.
  std::string shown_status() const { return fitted(status_, status_columns()) + "\r"; }

  /// Shows a message above the status line.
  void show(spdlog::level::level_enum level, spdlog::string_view_t text) {
    if (status_.empty()) return terminal_->log(level, text);
    draw(clear);
    terminal_->log(level, text);
    draw(shown_status());
  }

  static void draw(const std::string& text) {
    std::fputs(text.c_str(), stderr);
    std::fflush(stderr);
  }

  const bool has_status_ = obeys_escape_codes();
  std::string status_;
  std::string origin_;
  mutable std::mutex mutex_;
  Verbosity verbosity_ = Verbosity::normal;
  std::shared_ptr<spdlog::logger> terminal_;
  std::shared_ptr<spdlog::logger> file_;
  std::string fault_;  ///< why the last write to the file failed; empty when it succeeded
};

/// The process has one log, as it has one stderr.
Log& process_log() {
  static Log log;
  return log;
}

}  // namespace

void set_verbosity(Verbosity verbosity) {
  process_log().set_verbosity(verbosity);
}
Verbosity verbosity() {
  return process_log().verbosity();
}

void set_origin(std::string_view origin) {
  process_log().set_origin(origin);
}
void open_file(const std::filesystem::path& path) {
  process_log().open(path);
}
void close_file() {
  process_log().close();
}

void debug(std::string_view message) {
  process_log().write(spdlog::level::debug, message, true);
}
void info(std::string_view message) {
  process_log().write(spdlog::level::info, message, true);
}
void warn(std::string_view message) {
  process_log().write(spdlog::level::warn, message, true);
}
void error(std::string_view message) {
  process_log().write(spdlog::level::err, message, true);
}

bool has_terminal() {
  return process_log().has_terminal();
}
int status_columns() {
  // The last column stays free: some terminals go to the next row as soon as it is taken.
  return window_columns_of(STDERR_FILENO) - 1;
}
void status(std::string_view line) {
  process_log().set_status(line);
}

void to_file(std::string_view message) {
  process_log().write(spdlog::level::info, message, false);
}

}  // namespace aero::log
