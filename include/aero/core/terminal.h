#pragma once

namespace aero {

/// Whether a file descriptor (STDOUT_FILENO) is a terminal.
bool is_terminal(int descriptor);

/// Returns how many characters a line of the terminal behind a descriptor holds, at least 1: the
/// environment variable COLUMNS if it is a positive integer, else the width of the window at this
/// moment, else 80. Returns 0 if the descriptor is not a terminal, so that nothing is cut there.
int columns_of(int descriptor);

/// Returns the same for lines that are drawn again and again. Here the width of the window comes
/// first, and COLUMNS counts only if that is unknown, since COLUMNS does not follow the window.
int window_columns_of(int descriptor);

}  // namespace aero
