// Carries the precompiled LibTorch header (cmake/Room.cmake).
