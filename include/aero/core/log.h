#pragma once

#include <filesystem>
#include <string_view>

namespace aero {

enum class Verbosity { quiet, normal, verbose };

/// Messages go to the terminal (stderr) by verbosity and, once a file is open, all of them to it,
/// each with its time and level, flushed line by line so that a killed run keeps its log. quiet
/// shows warnings and errors, normal adds information, verbose adds debug lines. Colours are used
/// on a terminal alone, and never when NO_COLOR is set and not empty. Any thread may call. Only
/// open_file() throws: when the log file cannot be written (a full disk), the terminal says so once
/// and the process goes on.
namespace log {

void set_verbosity(Verbosity verbosity);
Verbosity verbosity();

/// Appends every message from now on to `path`, in place of the file that was open before.
/// Throws Error when the file cannot be opened.
void open_file(const std::filesystem::path& path);
void close_file();

void debug(std::string_view message);
void info(std::string_view message);
void warn(std::string_view message);
void error(std::string_view message);

/// Whether stderr is a terminal that shows a status line: one that obeys escape codes (TERM is set
/// and not "dumb"), and verbosity is not quiet.
bool has_terminal();

/// The columns that a status line may take at this moment.
int status_columns();

/// Keeps `line` at the bottom of the terminal, below all messages, until it is replaced or, by an
/// empty one, removed; what the window does not hold is cut. Nothing without such a terminal.
void status(std::string_view line);

/// To the log file alone: what the terminal shows in another form, such as a progress bar.
void to_file(std::string_view message);

}  // namespace log
}  // namespace aero
