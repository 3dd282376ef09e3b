#pragma once

#include <filesystem>
#include <string_view>

namespace aero {

enum class Verbosity { quiet, normal, verbose };

/// Writes messages to the terminal (stderr) and to a log file. The verbosity decides what the
/// terminal shows: quiet shows warnings and errors, normal adds information, verbose adds debug
/// lines. An open log file gets every message with its time and level, flushed line by line, so
/// that a killed run keeps its log. Colours appear only on a terminal, and never when NO_COLOR is
/// set and not empty. Any thread may call these functions. Only open_file() throws: if the log file
/// cannot be written (a full disk), the terminal says so once and the process goes on.
namespace log {

void set_verbosity(Verbosity verbosity);
Verbosity verbosity();

/// Begins every message from now on with `origin` and a colon: "rank 2". Empty: with nothing.
void set_origin(std::string_view origin);

/// Appends every message from now on to `path`, in place of the file that was open before. Throws
/// Error if the file cannot be opened.
void open_file(const std::filesystem::path& path);
void close_file();

void debug(std::string_view message);
void info(std::string_view message);
void warn(std::string_view message);
void error(std::string_view message);

/// Whether a status line is shown: stderr is a terminal that obeys escape codes (TERM is set and
/// not "dumb"), and verbosity is not quiet.
bool has_terminal();

/// Returns the columns that a status line may take at this moment.
int status_columns();

/// Keeps `line` at the bottom of the terminal, below all messages, until another line replaces it
/// or an empty one removes it. What the window cannot hold is cut. Does nothing if no status line
/// is shown.
void status(std::string_view line);

/// Writes to the log file alone, for what the terminal shows in another form, such as a progress
/// bar.
void to_file(std::string_view message);

}  // namespace log
}  // namespace aero
