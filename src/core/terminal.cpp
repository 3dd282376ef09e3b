#include "aero/core/terminal.h"

#include "aero/core/numbers.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <initializer_list>
#include <limits>

namespace aero {

namespace {

constexpr int usual_columns = 80;

/// 0 where it is unknown.
int columns_of_environment() {
  const char* const text = std::getenv("COLUMNS");
  const auto wanted = integer_from(text == nullptr ? "" : text);
  const bool fits = wanted && *wanted > 0 && *wanted <= std::numeric_limits<int>::max();
  return fits ? static_cast<int>(*wanted) : 0;
}

/// 0 where it is unknown.
int columns_of_window(int descriptor) {
  struct winsize window {};
  return ::ioctl(descriptor, TIOCGWINSZ, &window) == 0 ? window.ws_col : 0;
}

int first_known(std::initializer_list<int> columns) {
  for (const int count : columns) {
    if (count > 0) return count;
  }
  return usual_columns;
}

}  // namespace

bool is_terminal(int descriptor) {
  return ::isatty(descriptor) == 1;
}

int columns_of(int descriptor) {
  if (!is_terminal(descriptor)) return 0;
  return first_known({columns_of_environment(), columns_of_window(descriptor)});
}

int window_columns_of(int descriptor) {
  if (!is_terminal(descriptor)) return 0;
  return first_known({columns_of_window(descriptor), columns_of_environment()});
}

}  // namespace aero
