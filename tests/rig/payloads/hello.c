// SPDX-License-Identifier: Apache-2.0
//
// The smallest thing a firmware can boot: says its line (with the run's token) and powers off.
// Freestanding, against just the few members of the UEFI 2.10 tables it calls (4.3, 8.5.1, 12.4.3).

#ifndef LINE
#define LINE L"SLIPWAY-BOOT-OK hello none"
#endif

typedef unsigned long long Status;

struct TextOutput {
  void* reset;
  Status (*output_string)(struct TextOutput* self, const unsigned short* text);
};

struct RuntimeServices {
  unsigned char header[24];
  void* services[10];  // time, virtual memory, variables, the monotonic counter
  void (*reset_system)(int type, Status status, unsigned long long size, void* data);
};

struct SystemTable {
  unsigned char header[24];
  const unsigned short* vendor;
  unsigned int revision;
  void* console_in_handle;
  void* console_in;
  void* console_out_handle;
  struct TextOutput* console_out;
  void* error_handle;
  void* error;
  struct RuntimeServices* runtime;
};

Status EfiMain(void* image, struct SystemTable* table) {
  (void)image;
  enum { kResetShutdown = 2 };
  table->console_out->output_string(table->console_out, L"\r\n" LINE L"\r\n");
  table->runtime->reset_system(kResetShutdown, 0, 0, 0);
  return 0;
}
