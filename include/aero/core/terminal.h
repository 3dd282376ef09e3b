#pragma once

namespace aero {

/// Whether a file descriptor (STDOUT_FILENO) is a terminal.
bool is_terminal(int descriptor);

/// Characters that a line of the terminal behind a descriptor holds, at least 1: the environment
/// variable COLUMNS where it is a positive integer, else the window's width at this moment,
/// else 80. 0 where the descriptor is no terminal, so that nothing is cut there.
int columns_of(int descriptor);

/// The same for what is drawn again and again: the window's width at this moment, and COLUMNS only
/// where that is unknown, since it stays as it was when the window changes.
int window_columns_of(int descriptor);

}  // namespace aero
