"""What every part of the benchmark needs: programs, servers, the table, the machine."""
